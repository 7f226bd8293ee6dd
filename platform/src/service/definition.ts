import type { Readable } from 'node:stream';
import type { Logger } from 'pino';
import type { Static, TSchema } from 'typebox';
import type { Cache } from '../cache/index.ts';
import type { Client } from '../client/index.ts';
import type { Environment } from '../config/index.ts';
import type { EffectDefinition, EffectRequest } from '../effect/index.ts';
import type { Publication } from '../outbox/index.ts';
import type { SagaDefinition, Sagas } from '../saga/index.ts';
import type {
  Cause,
  CommandType,
  Contract,
  EventType,
  Message,
  Operation,
  Outcome,
  PayloadOf,
  Principal,
  ReplyOf,
  StepAddress,
} from '../schema/index.ts';
import type { Database, Tx } from '../sql/index.ts';
import type { Clock } from '../time/index.ts';
import type { Edge, EdgeHost } from './edge.ts';

/** What a service's own code is given to work with. `deps` is what its `prepare` returned. */
export interface Service<D = unknown> {
  readonly name: string;
  readonly contract: Contract;
  readonly db: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly deps: D;
  /** Copies for display, shared with the service's other processes where there are any. */
  readonly cache: Cache;
  /** A typed client of another service, wherever it runs. */
  client<C extends Contract>(contract: C): Client<C>;
  /** Tells everybody who listens, once the transaction has committed. */
  publish<E extends EventType>(tx: Tx, event: E, message: Publication<E>): void;
  /** Sends the reply of a command whose handler answered `later`. */
  reply(tx: Tx, command: { step: StepAddress; key: string; cause: Cause }, outcome: Outcome): void;
  /** Has an effect outside performed once the transaction has committed. */
  perform<P>(tx: Tx, effect: EffectRequest<P>): void;
  readonly sagas: Sagas;
}

/** A request to one operation, checked: its shape, its caller's role, its limits. */
export interface Call<O extends Operation = Operation> {
  readonly operation: O;
  readonly params: Static<O['params']>;
  readonly query: Static<O['query']>;
  readonly body: O['body'] extends TSchema ? Static<O['body']> : undefined;
  readonly principal: Principal;
  readonly cause: Cause;
  /** Milliseconds since the epoch after which nobody waits for the answer. */
  readonly deadlineMs: number;
  readonly idempotencyKey?: string | undefined;
  /** What is asked for, as 64 hexadecimal characters: equal for equal params, query and body. Only where the operation has `idempotency`. */
  readonly fingerprint?: string | undefined;
  /** Seconds from `Prefer: wait=N`, at most 30. */
  readonly waitS?: number | undefined;
  readonly ifMatch?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
  readonly lastEventId?: string | undefined;
  /** A guest's proofs: `X-Order-Token`, `X-Cart-Token`. */
  readonly orderToken?: string | undefined;
  readonly cartToken?: string | undefined;
  /** Lower-case names; only for handlers of `signed` operations and of streams. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body as it comes, for operations with `rawBody`. */
  readonly stream?: Readable | undefined;
  /** Aborted when the caller has gone away. */
  readonly signal: AbortSignal;
}

/** A good answer. Refusals and faults are thrown as AppErrors. */
export interface Answer<B = unknown> {
  /** The operation's first status unless given. */
  readonly status?: number;
  readonly body?: B;
  /** An answer given before, as it was stored: sent to the byte in place of `body`. */
  readonly rawBody?: string;
  /** Lower-case names. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Version of a single resource; becomes a strong ETag, and is compared with `If-Match` and `If-None-Match`. */
  readonly version?: number | string;
  /** A streamed answer in place of a body. */
  readonly stream?: Readable;
}

export type AnswerOf<O extends Operation> = Answer<O['answer'] extends TSchema ? Static<O['answer']> : undefined>;

/** Carries out one operation. */
export type Handler<O extends Operation, D = unknown> = (call: Call<O>, service: Service<D>) => Promise<AnswerOf<O>>;

/** Hears one event. `handleMany` gets all that are due, each of another key, in the transaction that marks them done. */
export interface Reaction<D = unknown> {
  readonly event: EventType;
  readonly handleMany: (messages: Message<never>[], tx: Tx, service: Service<D>) => Promise<void>;
}

export function reaction<E extends EventType, D>(
  event: E,
  handle: (message: Message<PayloadOf<E>>, tx: Tx, service: Service<D>) => Promise<void> | void,
): Reaction<D> {
  return {
    event,
    handleMany: async (messages, tx, service) => {
      for (const message of messages) await handle(message, tx, service);
    },
  };
}

export function reactionToMany<E extends EventType, D>(
  event: E,
  handleMany: (messages: Message<PayloadOf<E>>[], tx: Tx, service: Service<D>) => Promise<void>,
): Reaction<D> {
  return { event, handleMany };
}

/** A command as its handler gets it: always part of a saga's step. */
export type ReceivedCommand<P = unknown> = Message<P> & { readonly step: StepAddress };

/**
 * Carries out one command, and takes it back. The kit has already seen to it that a step is done at most once and never after its undo.
 * A handler answers for each command in order; `later` means that it will call `service.reply` in a later transaction.
 */
export interface CommandHandler<D = unknown> {
  readonly command: CommandType;
  /** True when outcomes come in a later transaction, by `service.reply`. */
  readonly later?: boolean;
  readonly doMany: (commands: ReceivedCommand<never>[], tx: Tx, service: Service<D>) => Promise<(Outcome | 'later')[]>;
  /** Gets only commands whose `do` had been carried out. */
  readonly undoMany: (
    commands: ReceivedCommand<never>[],
    tx: Tx,
    service: Service<D>,
  ) => Promise<(Outcome | 'later')[]>;
}

export function commandHandler<C extends CommandType, D>(
  command: C,
  handler: {
    later?: boolean;
    doMany: (
      commands: ReceivedCommand<PayloadOf<C>>[],
      tx: Tx,
      service: Service<D>,
    ) => Promise<(Outcome<ReplyOf<C>> | 'later')[]>;
    undoMany: (
      commands: ReceivedCommand<PayloadOf<C>>[],
      tx: Tx,
      service: Service<D>,
    ) => Promise<(Outcome<unknown> | 'later')[]>;
  },
): CommandHandler<D> {
  return { command, ...handler } as CommandHandler<D>;
}

/** Work done at intervals by one process a database at a time. */
export interface Job<D = unknown> {
  readonly name: string;
  readonly everyMs: number;
  readonly run: (service: Service<D>) => Promise<void>;
}

/** One invariant, looked at now. A check of nothing (`checked` 0) proves nothing. */
export interface InvariantCheck {
  readonly name: string;
  readonly held: boolean;
  readonly checked: number;
  readonly violations: { readonly witness: string }[];
}

/** A service: data, nothing runs until `run` hosts it. */
export interface ServiceDefinition<D = unknown> {
  readonly name: string;
  readonly contract: Contract;
  /** Folder of numbered SQL files. Absent when the service has no database of its own. */
  readonly migrations?: URL;
  /** Reads the environment; throws `config.invalid` naming every wrong setting. Makes what handlers need (`deps`). */
  readonly prepare?: (start: ServiceStart) => Promise<D> | D;
  /** Undoes what `prepare` opened. */
  readonly close?: (deps: D) => Promise<void>;
  readonly routes?: Readonly<Record<string, (call: never, service: Service<D>) => Promise<Answer>>>;
  readonly reactions?: readonly Reaction<D>[];
  readonly commands?: readonly CommandHandler<D>[];
  readonly sagas?: readonly SagaDefinition<D>[];
  readonly effects?: readonly EffectDefinition<never, never, D>[];
  readonly jobs?: readonly Job<D>[];
  /** Looks now whether what the service promises holds, in its own database. */
  readonly invariants?: (service: Service<D>) => Promise<InvariantCheck[]>;
  /** Throws AppError `config.invalid` for settings with which it would not start: asked before anything is made. */
  readonly checkSettings?: (environment: Environment) => void;
  /** Faces the outside: starts the public server. The gateway has one. */
  readonly edge?: (host: EdgeHost) => Promise<Edge>;
  /** Only listens to the others: while it is away they go on, and the shop is degraded, not down. */
  readonly isListener?: boolean;
  /** Reasons why this service is not ready, beside its database; empty when it is. */
  readonly unready?: (service: Service<D>) => Promise<string[]>;
}

/** What a service has while it gets ready. */
export interface ServiceStart {
  readonly environment: Environment;
  readonly db: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly cache: Cache;
  client<C extends Contract>(contract: C): Client<C>;
}

/** Declares a service. Every operation of its contract has a handler, and no other has one. */
export function defineService<D>(definition: ServiceDefinition<D>): ServiceDefinition<D> {
  return definition;
}
