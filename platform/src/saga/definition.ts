import type { Cause, CommandType, PayloadOf } from '../schema/index.ts';
import type { Service } from '../service/index.ts';
import type { Tx } from '../sql/index.ts';

export type SagaStatus = 'running' | 'compensating' | 'completed' | 'compensated' | 'stuck';

/** Why a saga turned back. */
export interface SagaFailure {
  readonly code: string;
  readonly detail: string;
}

/** A saga as its steps see it. */
export interface SagaView<I = unknown, S = unknown> {
  readonly id: string;
  readonly key: string;
  readonly input: I;
  /** What earlier steps answered, by step. */
  readonly outputs: Readonly<Record<string, unknown>>;
  /** What the definition's `load` returned for the key: the owner's own rows, locked. */
  readonly state: S;
  readonly cause: Cause;
  /** Present once it compensates. */
  readonly failure?: SagaFailure | undefined;
}

/** A step in the owner's own database, in the saga's transaction. Throwing a refusal fails the step; any other error is tried again. */
export interface LocalStep<I = unknown, S = unknown, D = unknown> {
  readonly kind: 'local';
  readonly name: string;
  /** The step is passed over when this says no. */
  readonly when?: (saga: SagaView<I, S>) => boolean;
  /** Returns the step's output, if it has one. */
  readonly do: (saga: SagaView<I, S>, tx: Tx, service: Service<D>) => unknown;
  readonly undo?: (saga: SagaView<I, S>, tx: Tx, service: Service<D>) => void | Promise<void>;
}

/** A step carried out by another service: a command and its reply. */
export interface CommandStep<I = unknown, S = unknown, D = unknown> {
  readonly kind: 'command';
  readonly name: string;
  /** The step is passed over when this says no. */
  readonly when?: (saga: SagaView<I, S>) => boolean;
  readonly command: CommandType;
  readonly payload: (saga: SagaView<I, S>) => unknown;
  /** Whether a failure further on takes this step back. */
  readonly undoable: boolean;
  /** How long to wait for the reply. Before the pivot the saga then turns back with `timeoutFailure`; after it the command is sent again. */
  readonly timeoutMs: number;
  readonly timeoutFailure?: SagaFailure;
  /**
   * What to do when it is refused after the pivot: `end` the saga here (something else was started), or go `on`. Without it, or when it returns nothing, the
   * saga is stuck until a person decides.
   */
  readonly whenRefused?: (
    saga: SagaView<I, S>,
    refused: SagaFailure,
    tx: Tx,
    service: Service<D>,
  ) => 'end' | 'on' | undefined;
}

export type Step<I = unknown, S = unknown, D = unknown> = LocalStep<I, S, D> | CommandStep<I, S, D>;

/** A durable process over services: the steps in order, and what follows its end. */
export interface SagaDefinition<D = unknown> {
  readonly name: string;
  readonly steps: readonly Step<never, never, D>[];
  /** How many steps lie before the point of no return: a failure among them undoes, a failure after them only goes forward. */
  readonly pivot: number;
  /** Longest time before the pivot, waits included. */
  readonly timeoutMs: number;
  /** Loads and locks the owner's rows of several sagas, by key. */
  readonly load: (keys: readonly string[], tx: Tx) => Promise<ReadonlyMap<string, unknown>>;
  /** Runs in the transaction that ends a saga whose steps have all been undone. */
  readonly failed: (saga: SagaView<never, never>, tx: Tx, service: Service<D>) => void;
  /** Runs in the transaction that ends a saga that went through. */
  readonly completed: (saga: SagaView<never, never>, tx: Tx, service: Service<D>) => void;
}

/** A step in the owner's own database. */
export function localStep<I, S, D>(step: Omit<LocalStep<I, S, D>, 'kind'>): LocalStep<I, S, D> {
  return { kind: 'local', ...step };
}

/** A step that another service carries out. */
export function commandStep<C extends CommandType, I, S, D>(
  step: Omit<CommandStep<I, S, D>, 'kind' | 'command' | 'payload'> & {
    command: C;
    payload: (saga: SagaView<I, S>) => PayloadOf<C>;
  },
): CommandStep<I, S, D> {
  return { kind: 'command', ...step };
}

interface SagaEnds<I, S, D> {
  readonly timeoutMs: number;
  readonly load: (keys: readonly string[], tx: Tx) => Promise<ReadonlyMap<string, S>>;
  readonly failed?: (saga: SagaView<I, S>, tx: Tx, service: Service<D>) => void;
  readonly completed?: (saga: SagaView<I, S>, tx: Tx, service: Service<D>) => void;
}

/** Builds a saga as a list of steps. */
export class SagaBuilder<I, S, D> {
  readonly #name: string;
  readonly #steps: Step<I, S, D>[] = [];
  #pivot: number | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  step(step: Step<I, S, D>): this {
    this.#steps.push(step);
    return this;
  }

  /** The point of no return: what came before can be undone, what follows only goes forward. */
  pivot(): this {
    this.#pivot = this.#steps.length;
    return this;
  }

  build(ends: SagaEnds<I, S, D>): SagaDefinition<D> {
    return {
      name: this.#name,
      steps: this.#steps as unknown as SagaDefinition<D>['steps'],
      pivot: this.#pivot ?? this.#steps.length,
      timeoutMs: ends.timeoutMs,
      load: ends.load,
      failed: (ends.failed ?? (() => undefined)) as SagaDefinition<D>['failed'],
      completed: (ends.completed ?? (() => undefined)) as SagaDefinition<D>['completed'],
    };
  }
}

/** Begins the definition of a saga over an input, the owner's state and the service's deps. */
export function saga<I, S, D>(name: string): SagaBuilder<I, S, D> {
  return new SagaBuilder(name);
}

/** Starting sagas and looking after them. */
export interface Sagas {
  /** Starts a saga with the transaction. One saga of a name can run for a key, ever. */
  start<I>(tx: Tx, saga: string, start: { key: string; input: I; cause: Cause }): void;
  /** Turns a saga back before its pivot. `past-pivot` when it is too late, `none` when there is no such saga running. */
  cancel(tx: Tx, saga: string, key: string, failure: SagaFailure): Promise<'compensating' | 'past-pivot' | 'none'>;
}
