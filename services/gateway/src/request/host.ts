import { isIPv6 } from 'node:net';

const name = /^(?=.{1,255}$)[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?(?::\d{1,5})?$/i;
let lastGood: string | undefined;

/** Whether a Host header names a host: a name or an address, and perhaps a port; nothing else, no user, no list. */
export function readHost(value: string): boolean {
  if (value === lastGood) return true;
  if (!isHost(value)) return false;
  lastGood = value;
  return true;
}

function isHost(value: string): boolean {
  if (name.test(value)) return !value.includes('..');
  const literal = /^\[([0-9a-f:.]{2,45})\](?::\d{1,5})?$/i.exec(value);
  return literal !== null && isIPv6(literal[1] as string);
}
