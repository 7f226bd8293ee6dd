import { setTimeout as sleep } from 'node:timers/promises';
import type { Order } from '@stoa/contracts/order';
import { newId } from '@stoa/platform/ids';
import { type Answer, ask } from '../ask.ts';
import type { Acknowledged } from '../chaos/crowd.ts';
import { address } from '../shop.ts';

export interface ImpatientOptions {
  /** Gateways, of which those are asked that say they are ready. */
  readonly urls: readonly string[];
  /** For what only the staff may read. */
  readonly adminToken: string;
  readonly perSecond: number;
  readonly sku: (at: number) => string;
}

type State = 'ready' | 'troubled' | 'gone';

const readyEveryMs = 50;
const readyMsMax = 5_000;
const timeoutMs = 20_000;

/** Customers who ask once and never again: whatever is not answered as it should be is kept as a failure. */
export class ImpatientCustomers {
  readonly acknowledged: Acknowledged[] = [];
  readonly failures: string[] = [];
  requests = 0;
  /** Requests that were answered as they should be. */
  answered = 0;
  readonly #options: ImpatientOptions;
  readonly #states = new Map<string, State>();
  readonly #running: Promise<void>[] = [];
  #open = true;
  #at = 0;

  constructor(options: ImpatientOptions) {
    this.#options = options;
    for (const url of options.urls) this.#running.push(this.#watch(url));
    this.#running.push(this.#come());
  }

  /** Nobody else comes; waits until everybody has been answered. */
  async leave(): Promise<void> {
    this.#open = false;
    for (let waiting = this.#running.splice(0); waiting.length > 0; waiting = this.#running.splice(0))
      await Promise.all(waiting);
  }

  /** As a load balancer does: who says that it is not ready gets no requests while another one is, and who does not answer gets none at all. */
  async #watch(url: string): Promise<void> {
    while (this.#open) {
      const status = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(readyMsMax) }).then(
        async (answer) => {
          await answer.arrayBuffer();
          return answer.status;
        },
        () => undefined,
      );
      this.#states.set(url, status === undefined ? 'gone' : status === 200 ? 'ready' : 'troubled');
      await sleep(readyEveryMs);
    }
  }

  #gateway(): string | undefined {
    const inState = (wanted: State) => this.#options.urls.filter((url) => this.#states.get(url) === wanted);
    const ready = inState('ready');
    const urls = ready.length > 0 ? ready : inState('troubled');
    return urls[Math.floor(Math.random() * urls.length)];
  }

  async #come(): Promise<void> {
    while (this.#gateway() === undefined) await sleep(readyEveryMs);
    for (let dueMs = performance.now(); this.#open; dueMs += 1_000 / this.#options.perSecond) {
      await sleep(Math.max(0, dueMs - performance.now()));
      const at = this.#at++;
      this.#running.push(at % 6 === 0 ? this.#buy(at) : this.#look(at));
    }
  }

  /** Every second waits for the end of the check-out. */
  async #buy(at: number): Promise<void> {
    const wish: Omit<Acknowledged, 'id'> = {
      key: `impatient-${newId()}`,
      sku: this.#options.sku(at),
      quantity: 1,
      paymentToken: at % 5 === 0 ? 'tok_slow' : 'tok_approved',
      afterwards: 'nothing',
    };
    const answer = await this.#ask<Order>([200, 201, 202], 'POST', '/api/v1/orders', {
      key: wish.key,
      headers: at % 12 === 0 ? { prefer: 'wait=5' } : {},
      body: {
        email: 'impatient@customer.example',
        items: [{ sku: wish.sku, quantity: wish.quantity }],
        shippingAddress: address,
        paymentToken: wish.paymentToken,
        metadata: { wish: wish.key },
      },
    });
    if (answer) this.acknowledged.push({ ...wish, id: answer.body.id });
  }

  /** Something of every service; among it changes that may not be sent a second time by whoever is in between. */
  async #look(at: number): Promise<void> {
    const token = this.#options.adminToken;
    const sku = this.#options.sku(at);
    const id = this.acknowledged.at(-1)?.id;
    const looks = [
      () => this.#ask([200], 'GET', `/api/v1/products?limit=${1 + (at % 50)}`, {}),
      () => this.#ask([200], 'GET', id ? `/api/v1/orders/${id}` : '/api/v1/orders?limit=5', { token }),
      () => this.#ask([200], 'GET', `/api/v1/payments?limit=5${id ? `&orderId=${id}` : ''}`, { token }),
      () => this.#ask([200], 'GET', `/api/v1/inventory/${sku}/ledger?limit=5`, { token }),
      () => this.#ask([200], 'GET', '/api/v1/analytics/summary', { token }),
      () => this.#ask([200], 'GET', '/api/v1/notifications?limit=5', { token }),
      () => this.#ask([200], 'GET', '/api/v1/shipping-methods', {}),
      () => this.#ask([200], 'PATCH', '/api/v1/users/me', { token, body: { name: `The Admin ${at}` } }),
      () => this.#ask([201], 'POST', '/api/v1/products', { token, body: productOf(at) }),
    ];
    await looks[at % looks.length]?.();
  }

  async #ask<B>(
    good: readonly number[],
    method: string,
    path: string,
    options: Parameters<typeof ask>[3],
  ): Promise<Answer<B> | undefined> {
    this.requests++;
    const url = this.#gateway();
    const startedMs = performance.now();
    const fail = (why: string) => {
      const tookMs = Math.round(performance.now() - startedMs);
      this.failures.push(`${new Date().toISOString()} ${method} ${path} at ${url} after ${tookMs} ms: ${why}`);
      return undefined;
    };
    if (url === undefined) return fail('no gateway is ready');
    try {
      const answer = await ask<B>(url, method, path, { timeoutMs, ...options });
      if (!good.includes(answer.status)) return fail(`${answer.status} ${answer.text}`);
      this.answered++;
      return answer;
    } catch (error) {
      return fail(`${error} ${(error as Error).cause ?? ''}`);
    }
  }
}

function productOf(at: number): object {
  return {
    title: `New ${at}`,
    status: 'draft',
    variants: [{ sku: `NEW-${at}`, price: { amount: 500, currency: 'EUR' } }],
  };
}
