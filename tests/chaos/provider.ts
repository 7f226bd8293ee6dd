import assert from 'node:assert/strict';
import { webhookSignatureHeader } from '@stoa/contracts/payment';
import { signWebhook } from '@stoa/platform/auth';
import type { Database } from '@stoa/platform/sql';
import { type TestShop, until } from '../shop.ts';

export const webhookSecret = 'what only the provider and the shop know';

/**
 * A payment provider outside of the shop: decides about payments that it had left open, and tells the shop by signed webhooks over HTTP, again and again
 * until the shop has answered. The charges in the shop's sandbox are its books.
 */
export class Provider {
  readonly #shop: TestShop;
  readonly #books: Database;
  readonly #unheard = new Set<string>();
  readonly #heard = new Set<string>();

  constructor(shop: TestShop, books: Database) {
    this.#shop = shop;
    this.#books = books;
  }

  /** Approves what is open, and tells the shop once of all that it has not confirmed to have heard. */
  async tell(): Promise<void> {
    const approved = await this.#books.query<{ key: string }>(
      `update sandbox.charge set state = 'authorised' where state = 'pending' returning key`,
      [],
    );
    for (const { key } of approved) this.#unheard.add(key);
    await this.#tellAgain();
  }

  /** Tells again until everything has been heard; throws when the shop waits for something that it has confirmed to have heard. */
  async heard(): Promise<void> {
    await until(
      async () => {
        await this.#tellAgain();
        return this.#unheard.size;
      },
      (unheard) => unheard === 0,
    );
    const forgotten = await this.#books.query(
      `select id, status from payment where id = any($1::uuid[]) and status in ('authorising', 'waiting')`,
      [[...this.#heard]],
    );
    assert.deepEqual(forgotten, [], 'what was heard is known');
  }

  async #tellAgain(): Promise<void> {
    await Promise.all([...this.#unheard].map((key) => this.#post(key)));
  }

  async #post(key: string): Promise<void> {
    const body = JSON.stringify({ type: 'charge.authorised', key });
    const signature = signWebhook(webhookSecret, body, Math.floor(Date.now() / 1000));
    const headers = { 'content-type': 'application/json', [webhookSignatureHeader]: signature };
    const request = { method: 'POST', body, headers, signal: AbortSignal.timeout(5_000) };
    const answer = await fetch(`${this.#shop.url}/api/v1/webhooks/payments/sandbox`, request).catch(() => undefined);
    if (answer === undefined || answer.status >= 500) return;
    assert.equal(answer.status, 204, `the webhook about ${key} was answered ${answer.status}`);
    this.#unheard.delete(key);
    this.#heard.add(key);
  }
}
