import type { Logger } from 'pino';
import { crashPoint, turn } from '../lifecycle/index.ts';
import type { Message } from '../schema/index.ts';
import { type Database, isAway, type Tx } from '../sql/index.ts';
import { idsOf } from '../telemetry/index.ts';
import type { Undecodable } from '../transport/index.ts';
import { undecodableType } from './dead-letters.ts';
import { deadAtOnce, type Failure, isOfTheData, keep, keyOfItsOwn, reasonOf, shown } from './keep.ts';
import { LeftToNewer } from './left-to-newer.ts';
import { type Arrival, Arrivals, settle } from './mailbox.ts';
import { claimDue, markArrivals, nextDue, recordFailure, unpark } from './statements.ts';

export interface InboxOptions {
  readonly db: Database;
  readonly log: Logger;
  /** Whether this program knows the type; messages of unknown types are parked until one does. */
  readonly knows: (type: string) => boolean;
  /** Carries messages out, each of another key, in the transaction that marks them. Throwing undoes all of them. */
  readonly handle: (messages: readonly Message[], tx: Tx) => Promise<void>;
  readonly attemptsMax?: number;
}

interface Kept {
  readonly id: string;
  readonly type: string;
  readonly key: string;
  readonly body: object;
  readonly attempts: number;
  readonly duplicate: boolean;
  readonly passed: readonly { readonly id: string; readonly type: string; readonly reason: string | null }[] | null;
}

const batchMax = 500;
/**
 * Messages that may wait in memory. Each of eight other services has at most a thousand on the way, so more are deliveries that their senders have given up
 * and repeated, because the database does not answer.
 */
const waitingMax = 10_000;
const lookEveryMs = 500;
/** What is due and not to be had is another process's just now. */
const lookAgainMsMin = 20;
/** An older program may run beside this one and park what it does not know. */
const unparkEveryMs = 2_000;
const retryDelayMsMin = 100;
const retryDelayMsMax = 60_000;
const attemptsMaxDefault = 10;
const newerDelayMs = 2_000;

/**
 * Messages in. A message is marked in the transaction that carries it out, so it takes effect exactly once however often it is delivered; while one of its
 * key waits here to be retried or redriven, those behind it wait too. Chris Richardson, "Microservices Patterns", §3.3.6 (idempotent consumer).
 */
export class Inbox {
  readonly #options: InboxOptions;
  readonly #arrivals = new Arrivals();
  /** Types that wait here and that only a newer program knows. */
  readonly #strange = new Set<string>();
  /** Why others wait for one, as the log has told. */
  readonly #leftFor = new Set<string>();
  #keepsRows = true;
  #running: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #unparking: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: InboxOptions) {
    this.#options = options;
  }

  /** Begins to work; messages parked by an older program that this one knows go on. */
  async start(): Promise<void> {
    await this.#unpark();
    this.#unparking = setInterval(() => void this.#unpark().catch(() => undefined), unparkEveryMs);
    this.#timer = setInterval(() => {
      this.#keepsRows = true;
      this.wake();
    }, lookEveryMs);
    this.wake();
  }

  async #unpark(): Promise<void> {
    const { db, knows } = this.#options;
    const parked = await db.query<{ type: string }>(`select distinct type from kit.inbox where status = 'parked'`);
    const known = parked.map(({ type }) => type).filter(knows);
    if (known.length === 0) return;
    await db.query(unpark, [known]);
    this.look();
  }

  /** Takes a delivery; resolves when every message of it has been carried out or kept. */
  accept(messages: readonly Message[]): Promise<void> {
    if (this.#stopped) return Promise.reject(new Error('the inbox is closed'));
    if (this.#arrivals.size > waitingMax) return Promise.reject(new Error('too much waits for the database'));
    const delivered = this.#arrivals.add(messages);
    this.wake();
    return delivered;
  }

  /** Keeps what arrived and is no message: dead from the start. It holds back its key, where that is known, and nobody else. */
  async bury(undecodable: readonly Undecodable[]): Promise<void> {
    for (const { id, reason } of undecodable)
      this.#options.log.error({ messageId: id, reason }, 'what arrived is no message');
    const occurredAt = new Date().toISOString();
    await keep(
      this.#options.db,
      undecodable.map(({ id, key, reason, payload }) => ({
        message: {
          id,
          type: undecodableType,
          key: key ?? keyOfItsOwn(id),
          payload,
          occurredAt,
          cause: { correlationId: id },
        },
        ...deadAtOnce,
        reason,
      })),
    );
  }

  /** Rejects while the database cannot be reached. */
  async reach(): Promise<void> {
    await this.#options.db.query('select 1', []);
  }

  /** Looks for due rows now: after a redrive, or a test. */
  look(): void {
    this.#keepsRows = true;
    this.wake();
  }

  wake(): void {
    if (this.#running || this.#stopped) return;
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
      if (this.#arrivals.size > 0) this.wake();
    });
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    clearInterval(this.#unparking);
    this.#stopped = true;
    this.#arrivals.refuseAll(new Error('the inbox is closing'));
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      await turn();
      const arrivals = this.#arrivals.take(batchMax);
      if (arrivals.length > 0) await this.#takeIn(arrivals);
      if (this.#keepsRows) await this.#workOff().catch((error) => this.#databaseAway(error));
      if (this.#arrivals.size === 0 && !this.#keepsRows) return;
    }
  }

  async #takeIn(arrivals: Arrival[]): Promise<void> {
    try {
      await this.#options.db.transaction((tx) => this.#carryOut(arrivals, tx));
      crashPoint('inbox.before-ack');
      settle(arrivals);
    } catch (error) {
      if (await isAway(this.#options.db, error)) this.#arrivals.refuse(arrivals, error);
      else await this.#takeInSingly(arrivals, error);
    }
  }

  async #carryOut(arrivals: readonly Arrival[], tx: Tx): Promise<void> {
    const known = arrivals.filter(({ message }) => this.#options.knows(message.type) && !message.delayMs);
    const delayed = arrivals.filter(({ message }) => this.#options.knows(message.type) && message.delayMs);
    const parked = arrivals.filter(({ message }) => !this.#options.knows(message.type));
    const marked = await tx.query<{ id: string }>(markArrivals, [
      known.map(({ message }) => message.id),
      known.map(({ message }) => message.key),
    ]);
    const ids = new Set(marked.map((row) => row.id));
    const held = known.filter(({ message }) => !ids.has(message.id));
    if (held.length > 0) {
      await keep(
        tx,
        held.map(({ message }) => ({ message, status: 'waiting', attempts: 0, delayMs: 0, reason: null })),
      );
      this.#keepsRows = true;
    }
    if (delayed.length > 0) {
      await keep(
        tx,
        delayed.map(({ message }) => ({
          message,
          status: 'waiting',
          attempts: 0,
          delayMs: message.delayMs ?? 0,
          reason: null,
        })),
      );
      this.#keepsRows = true;
    }
    if (parked.length > 0) {
      const reason = 'This program does not know the type; a newer one may.';
      await keep(
        tx,
        parked.map(({ message }) => ({ message, status: 'parked', attempts: 0, delayMs: 0, reason })),
      );
    }
    const messages = known.filter(({ message }) => ids.has(message.id)).map(({ message }) => message);
    crashPoint('inbox.before-effect');
    if (messages.length > 0) await this.#options.handle(messages, tx);
  }

  /** A batch has failed: each message alone, so that only the guilty one waits. */
  async #takeInSingly(arrivals: Arrival[], batchError: unknown): Promise<void> {
    for (const arrival of arrivals) {
      let error = batchError;
      if (arrivals.length > 1) {
        try {
          await this.#options.db.transaction((tx) => this.#carryOut([arrival], tx));
          settle([arrival]);
          continue;
        } catch (own) {
          error = own;
        }
      }
      try {
        if (await isAway(this.#options.db, error)) throw error;
        const { message } = arrival;
        const failure = this.#failure(message, 1, error);
        await keep(this.#options.db, [{ message, ...failure }]).catch((refused) => this.#keepShown(message, refused));
        this.#keepsRows = true;
        settle([arrival]);
      } catch (away) {
        this.#arrivals.refuse([arrival], away);
      }
    }
  }

  /** A message that the database cannot hold would be delivered for ever: it is kept as text, dead, and holds back its key if it can. */
  async #keepShown(message: Message, refused: unknown): Promise<void> {
    if (!isOfTheData(refused)) throw refused;
    const { id, type } = message;
    await keep(this.#options.db, [{ message: shown(message), ...deadAtOnce, reason: reasonOf(refused) }]);
    this.#options.log.error({ messageId: id, type, err: refused }, 'message is dead: the database cannot hold it');
  }

  async #workOff(): Promise<void> {
    this.#keepsRows = false;
    while (!this.#stopped) {
      let taken: Kept[] = [];
      try {
        const done = await this.#options.db.transaction(async (tx) => {
          taken = await tx.query<Kept>(claimDue, [batchMax, null, [...this.#strange]]);
          await this.#handleKept(taken, tx);
          return taken.length;
        });
        if (done === 0) break;
      } catch (error) {
        if (error instanceof Strange) continue;
        if (taken.length === 0 || (await isAway(this.#options.db, error))) throw error;
        const [alone] = taken;
        if (taken.length === 1 && alone) await this.#recordFailure(alone, error);
        else for (const kept of taken) await this.#workOffOne(kept);
      }
      if (this.#arrivals.size > 0) {
        this.#keepsRows = true;
        return;
      }
    }
    const [next] = await this.#options.db.query<{ inMs: number }>(nextDue, [[...this.#strange]]);
    if (next && next.inMs < lookEveryMs) setTimeout(() => this.look(), Math.max(next.inMs + 1, lookAgainMsMin)).unref();
  }

  async #workOffOne({ id }: Kept): Promise<void> {
    let taken: Kept[] = [];
    try {
      await this.#options.db.transaction(async (tx) => {
        taken = await tx.query<Kept>(claimDue, [1, id, [...this.#strange]]);
        await this.#handleKept(taken, tx);
      });
    } catch (error) {
      const [kept] = taken;
      if (!kept || (await isAway(this.#options.db, error))) throw error;
      await this.#recordFailure(kept, error);
    }
  }

  async #recordFailure(kept: Kept, error: unknown): Promise<void> {
    const { attempts, delayMs, status, reason } = this.#failure(messageOf(kept), kept.attempts + 1, error);
    await this.#options.db.query(recordFailure, [kept.id, attempts, delayMs, status, reason]);
  }

  async #handleKept(taken: readonly Kept[], tx: Tx): Promise<void> {
    const strange = taken.filter(({ type }) => !this.#options.knows(type));
    if (strange.length > 0) {
      for (const { type } of strange) this.#strange.add(type);
      throw new Strange();
    }
    const passed = taken.flatMap((kept) => kept.passed ?? []);
    tx.afterCommit(() => {
      for (const { id: messageId, type, reason } of passed)
        this.#options.log.warn({ messageId, type, reason }, 'a dead command is given up: its step is undone');
    });
    const messages = taken.filter((kept) => !kept.duplicate).map(messageOf);
    if (messages.length > 0) await this.#options.handle(messages, tx);
  }

  #failure(message: Message, attempts: number, error: unknown): Failure {
    if (error instanceof LeftToNewer) return this.#leftToNewer(attempts - 1, error.message);
    const dead = attempts >= (this.#options.attemptsMax ?? attemptsMaxDefault);
    const reason = reasonOf(error);
    this.#options.log[dead ? 'error' : 'warn'](
      { ...idsOf(message.cause, message.step?.saga), messageId: message.id, type: message.type, attempts, err: error },
      dead ? 'message is dead' : 'message failed and will be tried again',
    );
    const delayMs =
      Math.min(retryDelayMsMax, retryDelayMsMin * 2 ** Math.min(attempts, 12)) * (0.5 + Math.random() / 2);
    return { status: dead ? 'dead' : 'waiting', attempts, delayMs: Math.round(delayMs), reason };
  }

  #leftToNewer(attempts: number, reason: string): Failure {
    // Whether a newer program will come nobody knows here.
    if (!this.#leftFor.has(reason)) this.#options.log.warn({ reason }, 'messages wait for a newer program');
    this.#leftFor.add(reason);
    return { status: 'waiting', attempts, delayMs: newerDelayMs, reason };
  }

  #databaseAway(error: unknown): void {
    this.#options.log.warn({ err: error }, 'the inbox cannot reach its database');
  }
}

/** What was taken is a newer program's business: it is put back untouched. */
class Strange extends Error {}

function messageOf({ id, type, key, body }: Kept): Message {
  return { ...body, id, type, key } as Message;
}
