import type { Static, TSchema } from 'typebox';
import type { Asker, Contract, Operation, Principal } from '../schema/index.ts';

/**
 * How one call is made. Both of `Asker` must be given, so that no handler drops its caller's deadline by forgetting it: the operation's own limit holds where
 * it is earlier, and alone with `nobodyWaits`.
 */
export interface ClientOptions extends Asker {
  /** On whose behalf; the calling service itself unless given. */
  readonly principal?: Principal;
  readonly idempotencyKey?: string;
  /** Takes the fallback that the operation declares in place of a failure, and is told so. Without it there is no fallback. */
  readonly onPartial?: (service: string) => void;
  /** The base URL of the one instance to ask, where what is asked for is the instance's own and not its service's. A service of this process is asked here. */
  readonly at?: string;
}

type Empty = Record<never, never>;
type Part<K extends string, T> = keyof T extends never ? { readonly [P in K]?: Empty } : { readonly [P in K]: T };

/** What a call takes: path parameters, query and body, each only where the operation has it. */
export type ClientCall<O extends Operation> = Part<'params', Static<O['params']>> & {
  readonly query?: Static<O['query']>;
} & (O['body'] extends TSchema ? { readonly body: Static<O['body']> } : { readonly body?: undefined });

/**
 * The operations of another service as functions. In one process or over HTTP the same happens: the input is validated, no live object crosses, the
 * deadline, identity and trace travel along, and errors come back as AppErrors with the code that the service gave.
 */
export type Client<C extends Contract> = {
  readonly [Name in keyof C['operations']]: (
    call: ClientCall<C['operations'][Name]>,
    options: ClientOptions,
  ) => Promise<C['operations'][Name]['answer'] extends TSchema ? Static<C['operations'][Name]['answer']> : undefined>;
};
