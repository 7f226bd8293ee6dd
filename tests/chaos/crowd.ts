import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Order } from '@stoa/contracts/order';
import type { Answer } from '../ask.ts';
import { address, type TestShop } from '../shop.ts';

/** One order a customer wanted, and what the shop said to it. */
export interface Wish {
  readonly key: string;
  readonly sku: string;
  readonly quantity: number;
  readonly paymentToken: string;
  /** What the customer does once the order is acknowledged. */
  readonly afterwards: 'nothing' | 'cancel' | 'refund';
}

export interface Customer {
  readonly token: string;
  readonly country: string;
}

export interface Acknowledged extends Wish {
  readonly id: string;
}

/** Many take their time, so that a shop that dies has much under way. */
const tokens = [
  'tok_slow',
  'tok_approved',
  'tok_timeout',
  'tok_error_once',
  'tok_slow',
  'tok_declined',
  'tok_timeout',
  'tok_capture_fails',
  'tok_async',
];
const waitMsMax = 60;

/** The n-th wish of a crowd that buys a little of everything in every way. The scarce product runs out. */
function wish(at: number): Wish {
  const afterwards = at % 10 === 3 ? 'cancel' : at % 10 === 7 ? 'refund' : 'nothing';
  return {
    key: `order-${at}`,
    sku: at % 5 === 0 ? 'SCARCE' : `PLENTY-${at % 7}`,
    quantity: 1 + (at % 3),
    paymentToken: tokens[at % tokens.length] as string,
    afterwards,
  };
}

/**
 * Customers who order side by side and do not mind a shop that dies under them: whoever gets no answer asks again with the same key. They order only as
 * many as they have been allowed to.
 */
export class Crowd {
  readonly acknowledged = new Map<string, Acknowledged>();
  readonly #shop: TestShop;
  #ordersMax: number;
  readonly #follow: Promise<void>[] = [];
  #next = 0;
  #single = 0;
  #allowed = 0;
  #failed: unknown;
  readonly #customers: Promise<void>[];
  readonly #followUps: boolean;

  constructor(
    shop: TestShop,
    { ordersMax, customers, followUps = true }: { ordersMax: number; customers: number; followUps?: boolean },
  ) {
    this.#shop = shop;
    this.#ordersMax = ordersMax;
    this.#followUps = followUps;
    this.#customers = Array.from({ length: customers }, () => this.#shopping());
  }

  allow(orders: number): void {
    this.#allowed = Math.min(this.#ordersMax, Math.max(this.#allowed, this.#next) + orders);
  }

  /** Lets nobody else in: only those who have begun to order are waited for. */
  enough(): void {
    this.#ordersMax = this.#next;
  }

  /** Throws when somebody was answered what nobody should be. */
  check(): void {
    if (this.#failed) throw this.#failed;
  }

  /** Sends everybody home: nobody asks again. */
  leave(): void {
    this.#failed ??= new Error('the crowd was sent home');
  }

  /** Waits until every order has been acknowledged. */
  async placed(): Promise<void> {
    this.allow(this.#ordersMax);
    await Promise.all(this.#customers);
    this.check();
  }

  /** Waits until everybody has been served; throws when somebody was answered what nobody should be. */
  async served(): Promise<void> {
    await this.placed();
    await Promise.all(this.#follow);
    this.check();
  }

  /**
   * One more customer, who pays at once: waits until the order is confirmed and answers with the milliseconds that took. Who does not insist takes the
   * first answer to everything, and throws when it is trouble of the shop.
   */
  async buyOne({
    timeoutMs = 30_000,
    insists = true,
    as,
  }: {
    timeoutMs?: number;
    insists?: boolean;
    /** Who it is, and where the goods go; a guest in Great Britain unless given. */
    as?: Customer;
  } = {}): Promise<number> {
    const startedMs = performance.now();
    const at = this.#single++;
    const wanted: Wish = {
      key: `${single}${at}`,
      sku: `PLENTY-${at % 7}`,
      quantity: 1,
      paymentToken: 'tok_approved',
      afterwards: 'nothing',
    };
    const { id } = await this.#order(wanted, insists, as);
    const { body } = await this.#insist<Order>(
      insists ? () => this.#look(id) : async () => untroubled(await this.#look(id), wanted.key),
      ({ body: order }) => order.status !== 'pending',
      timeoutMs,
    );
    assert.equal(body.status, 'confirmed', `${wanted.key} is ${body.status} ${JSON.stringify(body.failure)}`);
    return performance.now() - startedMs;
  }

  /** Waits until so many of the crowd's orders are confirmed that were acknowledged from now on. */
  async confirms(count: number, timeoutMs: number): Promise<void> {
    const before = this.acknowledged.size;
    const confirmed = new Set<string>();
    for (const deadlineMs = performance.now() + timeoutMs; confirmed.size < count; await sleep(50)) {
      this.check();
      const younger = [...this.acknowledged.values()].slice(before).filter(({ key }) => !isSingle(key));
      if (performance.now() > deadlineMs)
        throw new Error(
          `${confirmed.size} of ${younger.length} orders were confirmed within ${timeoutMs} ms, not ${count}`,
        );
      for (const { id } of younger.filter((order) => !confirmed.has(order.id))) {
        const answer = await this.#look(id).catch(() => undefined);
        if (answer?.status === 200 && answer.body.status === 'confirmed') confirmed.add(id);
      }
    }
  }

  #look(id: string): Promise<Answer<Order>> {
    return this.#shop.asAdmin<Order>('GET', `/api/v1/orders/${id}`, { timeoutMs: 10_000 });
  }

  async #shopping(): Promise<void> {
    while (this.#next < this.#ordersMax && !this.#failed) {
      if (this.#next >= this.#allowed) {
        await sleep(25);
        continue;
      }
      const wanted = wish(this.#next++);
      try {
        await this.#order(wanted);
      } catch (error) {
        this.#failed ??= error;
      }
    }
  }

  async #order(wanted: Wish, insists = true, as?: Customer): Promise<Acknowledged> {
    const { key, sku, quantity, paymentToken } = wanted;
    const ask = () =>
      this.#shop.ask<Order>('POST', '/api/v1/orders', {
        key,
        timeoutMs: 10_000,
        ...(as && { token: as.token }),
        body: {
          ...(!as && { email: 'crowd@customer.example' }),
          items: [{ sku, quantity }],
          shippingAddress: as ? { ...address, country: as.country } : address,
          paymentToken,
          metadata: { wish: key },
        },
      });
    const answer = await (insists ? this.#insist(ask) : ask());
    assert.equal(answer.status, 202, `${key} was answered ${answer.status} ${answer.text}`);
    const acknowledged = { ...wanted, id: answer.body.id };
    this.acknowledged.set(key, acknowledged);
    if (!this.#followUps) return acknowledged;
    if (wanted.afterwards === 'cancel') this.#followUp(this.#cancel(acknowledged, String(answer.body.orderToken)));
    if (wanted.afterwards === 'refund') this.#followUp(this.#refund(acknowledged));
    return acknowledged;
  }

  #followUp(request: Promise<void>): void {
    this.#follow.push(
      request.catch((error) => {
        this.#failed ??= error;
      }),
    );
  }

  async #cancel({ id, key }: Acknowledged, orderToken: string): Promise<void> {
    const answer = await this.#insist(() =>
      this.#shop.ask('POST', `/api/v1/orders/${id}/cancel`, {
        key: `cancel-${key}`,
        timeoutMs: 10_000,
        headers: { 'x-order-token': orderToken },
        body: { reason: 'changed my mind' },
      }),
    );
    assert.ok(
      [202, 409].includes(answer.status),
      `the cancellation of ${key} was answered ${answer.status} ${answer.text}`,
    );
  }

  /** A refund is for what has been captured; of an order that came to nothing there is nothing to give back. */
  async #refund({ id, key }: Acknowledged): Promise<void> {
    const order = await this.#insist<Order>(
      () => this.#look(id),
      ({ body }) => body.status !== 'pending' && !(body.status === 'confirmed' && body.payment.captured.amount === 0),
    );
    if (order.body.status !== 'confirmed') return;
    const answer = await this.#insist(() =>
      this.#shop.asAdmin('POST', `/api/v1/orders/${id}/refunds`, {
        key: `refund-${key}`,
        timeoutMs: 10_000,
        body: {
          items: [{ lineId: order.body.items[0]?.lineId, quantity: 1 }],
          reason: 'one was too many',
          restock: true,
        },
      }),
    );
    assert.equal(answer.status, 202, `the refund of ${key} was answered ${answer.status} ${answer.text}`);
  }

  /** Asks until there is an answer that is not the shop's trouble. */
  async #insist<B>(
    ask: () => Promise<Answer<B>>,
    isEnough: (answer: Answer<B>) => boolean = () => true,
    timeoutMs = 300_000,
  ): Promise<Answer<B>> {
    const deadlineMs = performance.now() + timeoutMs;
    for (;;) {
      await this.#shop.opened();
      this.check();
      const answer = await ask().catch((error: unknown) => {
        if (error instanceof Trouble) throw error;
        return undefined;
      });
      // 408: it took so long to come that it was not taken.
      const inTrouble = answer === undefined || answer.status >= 500 || answer.status === 408 || isInProgress(answer);
      if (!inTrouble && (answer.status >= 400 || isEnough(answer))) return answer;
      if (performance.now() > deadlineMs)
        throw new Error(`no good answer for ${timeoutMs / 1_000} s, the last was ${answer?.status} ${answer?.text}`);
      await sleep(20 + Math.random() * waitMsMax);
    }
  }
}

/** What a customer who does not insist is told of a shop in trouble. */
class Trouble extends Error {}

function untroubled<B>(answer: Answer<B>, of: string): Answer<B> {
  if (answer.status >= 500) throw new Trouble(`${of} was answered ${answer.status} ${answer.text}`);
  return answer;
}

const single = 'single-';
const isSingle = (key: string) => key.startsWith(single);

function isInProgress({ status, body }: Answer<unknown>): boolean {
  return status === 409 && (body as { code?: string }).code === 'idempotency.in-progress';
}

/** Puts everything a crowd may wish for on sale; returns how many units of each. */
export async function stockShelves(shop: TestShop): Promise<ReadonlyMap<string, number>> {
  const received = new Map([
    ['SCARCE', 150],
    ...Array.from({ length: 7 }, (_, at) => [`PLENTY-${at}`, 1_000] as const),
  ]);
  for (const [sku, units] of received) await shop.stockUp(sku, units);
  return received;
}
