import { type ChildProcess, spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Order, PlaceOrder } from '@stoa/contracts/order';
import { stopEmbeddedPostgres } from '@stoa/platform/embedded';
import { newId } from '@stoa/platform/ids';
import { newDataDir } from '@stoa/platform/testing';
import { type Answer, type AskOptions, ask } from './ask.ts';

const main = fileURLToPath(new URL('../cli/src/main.ts', import.meta.url));
export const admin = { email: 'admin@shop.example', password: 'correct horse battery' };
const startMsMax = 60_000;

export interface ShopOptions {
  /** More settings of the shop's own process. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Where the first process dies while it opens: `point:n`. A second one follows. */
  readonly crashAtFirst?: string;
  /** How the services are spread over processes: what `stoa up` is told beside its settings. One process unless given. */
  readonly placement?: readonly string[];
}

export interface Placing extends AskOptions {
  /** Seconds for `Prefer: wait`. */
  readonly waitS?: number;
}

/** A whole shop in a process of its own, with its own database, which may be killed and started again. */
export class TestShop {
  readonly dataDir: string;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #placement: readonly string[];
  #process: ChildProcess | undefined;
  #url = '';
  #output = '';
  #adminToken = '';
  #opened: Promise<unknown> = Promise.resolve();

  constructor(dataDir: string, environment: Readonly<Record<string, string>>, placement: readonly string[] = []) {
    this.dataDir = dataDir;
    this.#environment = environment;
    this.#placement = placement;
  }

  /** Starts an empty shop. */
  static async open({ environment = {}, crashAtFirst, placement }: ShopOptions = {}): Promise<TestShop> {
    const shop = new TestShop(await newDataDir('stoa-shop-'), environment, placement);
    if (crashAtFirst !== undefined) await shop.start({ STOA_CRASH_AT: crashAtFirst }).catch(() => undefined);
    await shop.start();
    await shop.#signIn();
    return shop;
  }

  /** A shop that somebody else has started at this URL. */
  static async at(url: string, dataDir: string): Promise<TestShop> {
    const shop = new TestShop(dataDir, {});
    shop.#url = url;
    await shop.#signIn();
    return shop;
  }

  async #signIn(): Promise<void> {
    const { accessToken } = await this.expect<{ accessToken: string }>(200, 'POST', '/api/v1/auth/login', {
      body: admin,
    });
    this.#adminToken = accessToken;
  }

  get url(): string {
    return this.#url;
  }

  get adminToken(): string {
    return this.#adminToken;
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.#process !== undefined && this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** How the process ended: a signal's name or an exit code; undefined while it runs. */
  get endedBy(): string | undefined {
    const child = this.#process;
    return child?.signalCode ?? child?.exitCode?.toString() ?? undefined;
  }

  /** What the process that runs now, or ran last, has written. */
  get output(): string {
    return this.#output;
  }

  /** Starts the process; returns when the shop is open, with the milliseconds it took. */
  start(environment: Readonly<Record<string, string>> = {}): Promise<number> {
    const starting = this.#start(environment);
    this.#opened = starting.catch(() => undefined);
    return starting;
  }

  /** Resolves when no start is under way, so that those who wait for the shop need not knock. */
  async opened(): Promise<void> {
    await this.#opened;
  }

  async #start(environment: Readonly<Record<string, string>>): Promise<number> {
    const startedAtMs = performance.now();
    this.#output = '';
    const child = spawn(process.execPath, ['--disable-warning=DeprecationWarning', main, 'up', ...this.#placement], {
      env: {
        PATH: process.env.PATH,
        NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
        STOA_HOST: '127.0.0.1',
        PORT: '0',
        STOA_METRICS_PORT: '0',
        STOA_DATA_DIR: this.dataDir,
        STOA_RATE_LIMITS: 'off',
        STOA_LOG_LEVEL: 'warn',
        STOA_ADMIN_EMAIL: admin.email,
        STOA_ADMIN_PASSWORD: admin.password,
        STOA_TEST_MODE: '1',
        ...this.#environment,
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process = child;
    const url = await new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`the shop did not open:\n${this.#output}`)), startMsMax);
      const keep = (chunk: Buffer) => {
        this.#output = (this.#output + chunk.toString('utf8')).slice(-200_000);
        const opened = /Stoa is open at (\S+)/.exec(this.#output)?.[1];
        if (opened === undefined) return;
        clearTimeout(timer);
        resolve(opened);
      };
      child.stdout.on('data', keep);
      child.stderr.on('data', keep);
      child.once('exit', (code, signal) => {
        clearTimeout(timer);
        reject(new Error(`the shop ended with ${signal ?? code}:\n${this.#output}`));
      });
    });
    this.#url = url.replace('0.0.0.0', '127.0.0.1');
    return performance.now() - startedAtMs;
  }

  /** Sends the process a signal and waits until it has ended. */
  async end(signal: NodeJS.Signals): Promise<void> {
    this.#process?.kill(signal);
    await this.ended();
  }

  /** Waits until the process has ended by itself. */
  async ended(): Promise<void> {
    const child = this.#process;
    if (child && this.isRunning) await new Promise((resolve) => child.once('exit', resolve));
  }

  /** Ends everything and removes the data. */
  async close(): Promise<void> {
    await this.end('SIGKILL');
    await stopEmbeddedPostgres(this.dataDir);
    await rm(this.dataDir, { recursive: true, force: true });
  }

  ask<B = Record<string, unknown>>(method: string, path: string, options: AskOptions = {}): Promise<Answer<B>> {
    return ask<B>(this.#url, method, path, options);
  }

  /** Asks as the admin. */
  asAdmin<B = Record<string, unknown>>(method: string, path: string, options: AskOptions = {}): Promise<Answer<B>> {
    return this.ask<B>(method, path, { token: this.#adminToken, ...options });
  }

  /** Asks, and throws unless the answer has that status. */
  async expect<B>(status: number, method: string, path: string, options: AskOptions = {}): Promise<B> {
    const answer = await this.ask<B>(method, path, options);
    if (answer.status !== status) throw new Error(`${method} ${path} answered ${answer.status} ${answer.text}`);
    return answer.body;
  }

  expectAdmin<B>(status: number, method: string, path: string, options: AskOptions = {}): Promise<B> {
    return this.expect<B>(status, method, path, { token: this.#adminToken, ...options });
  }

  /** A product on sale with so many units in stock. */
  async stockUp(sku: string, quantity: number, priceAmount = 1_000): Promise<void> {
    await this.expectAdmin(201, 'POST', '/api/v1/products', {
      body: { title: sku, status: 'active', variants: [{ sku, price: { amount: priceAmount, currency: 'EUR' } }] },
    });
    await this.receive(sku, quantity);
  }

  async receive(sku: string, quantity: number): Promise<void> {
    await this.expectAdmin(201, 'POST', `/api/v1/inventory/${sku}/adjustments`, {
      key: newId(),
      body: { kind: 'received', quantity, reason: 'opening stock' },
    });
  }

  /** A signed-in customer's token. */
  async register(email = `${newId()}@customer.example`): Promise<string> {
    const body = { email, password: 'a long enough password', name: 'A Customer' };
    return (await this.expect<{ accessToken: string }>(201, 'POST', '/api/v1/auth/register', { body })).accessToken;
  }

  /** Places an order, as a guest unless a token is given. */
  place(
    order: Partial<PlaceOrder>,
    { waitS, headers, key = newId(), ...options }: Placing = {},
  ): Promise<Answer<Order>> {
    return this.ask<Order>('POST', '/api/v1/orders', {
      ...options,
      key,
      headers: { ...headers, ...(waitS !== undefined && { prefer: `wait=${waitS}` }) },
      body: {
        ...(options.token === undefined && { email: 'guest@customer.example' }),
        shippingAddress: address,
        paymentToken: 'tok_approved',
        ...order,
      },
    });
  }

  /** An order as the staff see it. */
  order(id: string): Promise<Order> {
    return this.expectAdmin<Order>(200, 'GET', `/api/v1/orders/${id}`);
  }

  /** Waits until the order satisfies; throws with its last state when it does not in time. */
  async orderWhen(id: string, satisfies: (order: Order) => boolean, timeoutMs = 30_000): Promise<Order> {
    return until(() => this.order(id), satisfies, timeoutMs);
  }

  stock(sku: string): Promise<Stock> {
    return this.expectAdmin<Stock>(200, 'GET', `/api/v1/inventory/${sku}`);
  }

  /** Waits until nothing is under way: no live saga, no message, no effect. Mails leave slowly while the machine is busy. */
  settled(timeoutMs = 60_000): Promise<Backlog> {
    return this.#empty(({ outbox, inbox, sagasLive, effects }) => outbox + inbox + sagasLive + effects, timeoutMs);
  }

  /** Waits until no saga is live and no message under way: what customers wait for. Mails may still leave. */
  sagasEnded(timeoutMs: number): Promise<Backlog> {
    return this.#empty(({ outbox, inbox, sagasLive }) => outbox + inbox + sagasLive, timeoutMs);
  }

  /** Looks twice: the services are not counted in one moment, and what goes from one to another meanwhile is counted in neither. */
  async #empty(count: (backlog: Backlog) => number, timeoutMs: number): Promise<Backlog> {
    const [, seen] = await until(
      async () => [await this.backlog(), await this.backlog()] as const,
      (both) => both.every((backlog) => count(backlog) === 0),
      timeoutMs,
    );
    return seen;
  }

  async backlog(): Promise<Backlog> {
    return (await this.expectAdmin<{ total: Backlog }>(200, 'GET', '/api/v1/ops/backlog')).total;
  }

  /** Runs a command of the `stoa` program against this shop, as its admin and on its machine. */
  stoa(...args: readonly string[]): Promise<{ code: number | null; output: string }> {
    const child = spawn(process.execPath, ['--disable-warning=DeprecationWarning', main, ...args], {
      env: {
        PATH: process.env.PATH,
        STOA_URL: this.#url,
        STOA_DATA_DIR: this.dataDir,
        STOA_ADMIN_EMAIL: admin.email,
        STOA_ADMIN_PASSWORD: admin.password,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const keep = (chunk: Buffer) => {
      output += chunk.toString('utf8');
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    return new Promise((resolve) => child.once('close', (code) => resolve({ code, output })));
  }

  /** Every invariant the services can check; throws when one cannot be asked. */
  async invariants(): Promise<Invariants> {
    return this.expectAdmin<Invariants>(200, 'GET', '/api/v1/ops/invariants');
  }
}

export interface Stock {
  readonly available: number;
  readonly onHand: number;
  readonly reserved: number;
  readonly sold: number;
  readonly returned: number;
}

export interface Backlog {
  readonly outbox: number;
  readonly inbox: number;
  readonly sagasLive: number;
  readonly effects: number;
  readonly dead: number;
}

export interface Invariants {
  readonly checks: readonly {
    readonly name: string;
    readonly held: boolean;
    readonly checked: number;
    readonly violations: readonly { readonly witness: string }[];
  }[];
}

export const address = {
  name: 'A Customer',
  line1: '1 High Street',
  city: 'Bristol',
  postalCode: 'BS1 1AA',
  country: 'GB',
};

/** Looks again and again until what it sees satisfies; throws with what it saw last when the time is up. */
export async function until<T>(
  look: () => Promise<T>,
  satisfies: (seen: T) => boolean,
  timeoutMs = 30_000,
): Promise<T> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    const seen = await look();
    if (satisfies(seen)) return seen;
    if (performance.now() > deadlineMs)
      throw new Error(`not within ${timeoutMs} ms: ${JSON.stringify(seen).slice(0, 2000)}`);
    await sleep(25);
  }
}
