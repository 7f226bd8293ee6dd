import type { FlatHeaders } from '../answer/write.ts';
import { hopByHop, listedIn, toLowerCase } from './hop-by-hop.ts';

/** Ours to say: a service behind the gateway cannot know them, or says them to the gateway only. */
const ours = new Set([...hopByHop, 'ratelimit', 'ratelimit-policy', 'x-correlation-id', 'x-request-id']);

/**
 * The headers of a service's answer as they go out: its own that may travel on, then the gateway's. Where both speak, the service wins on how
 * its content may be shown, as it does in one process; on everything else the gateway.
 *
 * @param raw names and values in turn, as bytes
 * @param own the gateway's, names and values in turn
 */
export function answerHeaders(raw: readonly Buffer[], status: number, own: FlatHeaders): string[] {
  const headers: string[] = [];
  const given = new Set<string>();
  const listed = listedByConnection(raw);
  for (let index = 0; index < raw.length; index += 2) {
    const name = toLowerCase((raw[index] as Buffer).toString('latin1'));
    if (ours.has(name) || name.startsWith('x-stoa-') || name.startsWith('access-control-')) continue;
    if (listed?.has(name)) continue;
    // There is no body whose length it could be (RFC 9110 §8.6).
    if (name === 'content-length' && (status === 204 || status === 304)) continue;
    given.add(name);
    headers.push(name, (raw[index + 1] as Buffer).toString('latin1'));
  }
  for (let index = 0; index < own.length; index += 2) {
    const name = toLowerCase(own[index] as string);
    if (name === 'vary' || !given.has(name)) headers.push(own[index] as string, own[index + 1] as string);
  }
  return headers;
}

/** Whether the connection will not be used again because its server says so. */
export function closesConnection(raw: readonly Buffer[]): boolean {
  return listedByConnection(raw)?.has('close') === true;
}

/** The value of a header; undefined without it. */
export function headerOf(raw: readonly Buffer[], name: string): string | undefined {
  for (let index = 0; index < raw.length; index += 2) {
    if (toLowerCase((raw[index] as Buffer).toString('latin1')) === name)
      return (raw[index + 1] as Buffer).toString('latin1');
  }
  return undefined;
}

function listedByConnection(raw: readonly Buffer[]): Set<string> | undefined {
  let listed: Set<string> | undefined;
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] as Buffer;
    if (name.length !== 10 || toLowerCase(name.toString('latin1')) !== 'connection') continue;
    const names = listedIn((raw[index + 1] as Buffer).toString('latin1'));
    if (names !== undefined) listed = new Set([...(listed ?? []), ...names]);
  }
  return listed;
}
