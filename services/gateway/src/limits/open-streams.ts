import type { ServerResponse } from 'node:http';
import type { Principal } from '@stoa/platform/schema';
import { networkOf } from './limits.ts';

/** Streams of events that are open, by whom. They have no end, so a quota by the minute does not bound them. */
export class OpenStreams {
  readonly #open = new Map<string, number>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  /** Counts a stream until its response closes; false when its caller has as many as may be. */
  enter(principal: Principal, address: string, response: ServerResponse): boolean {
    const key = keyOf(principal, address);
    const count = this.#open.get(key) ?? 0;
    if (count >= this.#max) return false;
    this.#open.set(key, count + 1);
    response.once('close', () => this.#leave(key));
    return true;
  }

  #leave(key: string): void {
    const left = (this.#open.get(key) ?? 1) - 1;
    if (left === 0) this.#open.delete(key);
    else this.#open.set(key, left);
  }
}

function keyOf(principal: Principal, address: string): string {
  if (principal.kind === 'user') return `user ${principal.userId}`;
  return principal.kind === 'key' ? `key ${principal.keyId}` : `address ${networkOf(address)}`;
}
