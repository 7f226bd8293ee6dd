import type { Cause, CommandType, Message, Outcome, PayloadOf, ReplyOf } from '../schema/index.ts';
import type { Tx } from '../sql/index.ts';
import type { Service } from '../service/index.ts';

export type SagaStatus = 'running' | 'compensating' | 'completed' | 'compensated' | 'stuck';

/** A saga as its steps see it. `state` is what `load` returned for its key: the owner's own rows, locked. */
export interface SagaView<I = unknown, S = unknown> {
  readonly id: string;
  readonly key: string;
  readonly input: I;
  /** What earlier steps answered, by step. */
  readonly outputs: Readonly<Record<string, unknown>>;
  readonly state: S;
  readonly cause: Cause;
  /** Why it is compensating; absent before. */
  readonly failure?: { readonly code: string; readonly detail: string } | undefined;
}

/** A step in the owner's own database, in the saga's transaction. Refusing (throwing a refusal) fails the step. */
export interface LocalStep<I, S, D> {
  readonly kind: 'local';
  readonly name: string;
  readonly do: (saga: SagaView<I, S>, tx: Tx, service: Service<D>) => unknown;
  readonly undo?: (saga: SagaView<I, S>, tx: Tx, service: Service<D>) => void;
}

/** A step carried out by another service: a command and its reply. */
export interface CommandStep<I, S> {
  readonly kind: 'command';
  readonly name: string;
  readonly command: CommandType;
  readonly payload: (saga: SagaView<I, S>) => unknown;
  /** Whether failing later takes this step back by an undo. */
  readonly undoable: boolean;
  /** How long to wait for the reply before the step counts as failed (before the pivot) or is sent again (after it). */
  readonly timeoutMs: number;
}

export type Step<I, S, D> = LocalStep<I, S, D> | CommandStep<I, S>;

export interface SagaDefinition<D = unknown> {
  readonly name: string;
  readonly steps: readonly Step<never, never, D>[];
  /** Index of the first step after the point of no return; before it failures undo, from it on they only go forward. */
  readonly pivot: number;
  readonly timeoutMs: number;
  readonly load: (keys: readonly string[], tx: Tx) => Promise<Map<string, unknown>>;
  readonly failed: (saga: SagaView<never, never>, tx: Tx, service: Service<D>) => void;
  readonly completed?: (saga: SagaView<never, never>, tx: Tx, service: Service<D>) => void;
  readonly refusedAfterPivot?: (
    saga: SagaView<never, never>,
    step: string,
    refused: { code: string; detail: string },
    tx: Tx,
    service: Service<D>,
  ) => 'compensate' | 'stuck' | 'skip';
}

/** Starting sagas and looking after them. */
export interface Sagas {
  start<I>(tx: Tx, saga: string, start: { key: string; input: I; cause: Cause }): void;
}
