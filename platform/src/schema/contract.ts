import type { Static, TObject, TProperties, TSchema } from 'typebox';
import { assert, type ErrorDeclaration } from '../errors/index.ts';
import type { CallPolicy, Fallback } from './calling.ts';
import type { Role } from './principal.ts';

/**
 * Who may call an operation, and whose rows it may touch. Every operation has one; a check refuses those that have not.
 *
 * - `anyone`: no token needed (one that is sent must still be valid)
 * - `caller`: any signed-in user, on rows of their own
 * - `owner`: the rows' owner, the staff roles named, and (with `guest`) whoever holds the guest's token; where no role is named, not even `admin`
 * - `staff`: the roles named; `admin` always
 * - `signed`: proven by a signature in the request, checked by the handler
 * - `internal`: other services only; never reachable from outside
 */
export type Access =
  | { readonly who: 'anyone' }
  | { readonly who: 'caller' }
  | { readonly who: 'owner'; readonly orRoles: readonly Role[]; readonly guest?: 'order-token' | 'cart-token' }
  | { readonly who: 'staff'; readonly roles: readonly Role[] }
  | { readonly who: 'signed' }
  | { readonly who: 'internal' };

export const anyone: Access = { who: 'anyone' };
export const caller: Access = { who: 'caller' };
export const internal: Access = { who: 'internal' };
export const signed: Access = { who: 'signed' };
export const staff = (...roles: Role[]): Access => ({ who: 'staff', roles });

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** One call that a service offers: its address, who may use it, the shapes that go in and come out. */
export interface Operation<
  P extends TProperties = TProperties,
  Q extends TProperties = TProperties,
  B extends TSchema | undefined = TSchema | undefined,
  R extends TSchema | undefined = TSchema | undefined,
> {
  readonly method: Method;
  /** Path with `:name` parameters, from the root: `/api/v1/orders/:id`. */
  readonly path: string;
  readonly summary: string;
  readonly access: Access;
  readonly params: TObject<P>;
  readonly query: TObject<Q>;
  readonly body: B;
  /** The shape of a good answer; undefined for 204 and for streams. */
  readonly answer: R;
  /** Statuses of good answers, the usual one first. */
  readonly statuses: readonly number[];
  /** Codes this operation may refuse with, beside the kit's own. */
  readonly errors: readonly string[];
  /** `required`: 400 without an Idempotency-Key; `accepted`: honoured when sent. */
  readonly idempotency?: 'required' | 'accepted';
  /** The body is handed over as a stream of bytes of these content types, not parsed. */
  readonly rawBody?: readonly string[];
  /** The answer is a stream of this content type. */
  readonly streams?: string;
  /** Further content types in which the stream may be asked for. */
  readonly alsoStreams?: readonly string[];
  /** Largest body in bytes; 1 MiB unless given. */
  readonly bodyBytesMax?: number;
  /** Milliseconds a caller gives this operation in all; 10 s unless given. */
  readonly timeoutMs?: number;
  /** Seconds for which the gateway may keep a good answer given to anonymous callers and customers alike. */
  readonly publicCacheS?: number;
  /** Carrying it out twice does no more than once, though its method does not say so: a look-up by POST. Callers may ask again. */
  readonly repeatable?: true;
  readonly policy?: CallPolicy;
  readonly fallback?: Fallback;
}

export interface OperationInput<P extends TProperties, Q extends TProperties, B, R> {
  readonly method: Method;
  readonly path: string;
  readonly summary: string;
  readonly access: Access;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  readonly answer?: R;
  readonly statuses?: readonly number[];
  readonly errors?: readonly string[];
  readonly idempotency?: 'required' | 'accepted';
  readonly rawBody?: readonly string[];
  readonly streams?: string;
  readonly alsoStreams?: readonly string[];
  readonly bodyBytesMax?: number;
  readonly timeoutMs?: number;
  readonly publicCacheS?: number;
  readonly repeatable?: true;
  readonly policy?: CallPolicy;
  readonly fallback?: Fallback;
}

/** An event: something that happened, told to whoever listens. Its type ends in its version: `order.confirmed.v1`. */
export interface EventType<T extends TSchema = TSchema> {
  readonly kind: 'event';
  readonly type: string;
  readonly payload: T;
}

/** A command to one service, with a reply; `undo` is the type of the command that takes it back. */
export interface CommandType<T extends TSchema = TSchema, R extends TSchema = TSchema> {
  readonly kind: 'command';
  readonly type: string;
  /** The service that carries it out. */
  readonly to: string;
  readonly payload: T;
  readonly reply: R;
}

export interface Contract {
  readonly service: string;
  readonly operations: Readonly<Record<string, Operation>>;
  readonly events: Readonly<Record<string, EventType>>;
  readonly commands: Readonly<Record<string, CommandType>>;
  /** Every code the service answers with, and its HTTP status. */
  readonly errors: Readonly<Record<string, ErrorDeclaration>>;
}

/** The payload of an event or command type. */
export type PayloadOf<M> = M extends { readonly payload: infer T extends TSchema } ? Static<T> : never;
/** The reply of a command type. */
export type ReplyOf<C> = C extends CommandType<TSchema, infer R> ? Static<R> : never;

const versioned = /^[a-z]+(-[a-z]+)*\.[a-z]+(-[a-z]+)*\.v[1-9]\d*$/;

export function event<T extends TSchema>(type: string, payload: T): EventType<T> {
  assert(versioned.test(type), `an event type reads "order.confirmed.v1", not "${type}"`);
  return { kind: 'event', type, payload };
}

export function command<T extends TSchema, R extends TSchema>(
  to: string,
  type: string,
  payload: T,
  reply: R,
): CommandType<T, R> {
  assert(versioned.test(type), `a command type reads "stock.reserve.v1", not "${type}"`);
  return { kind: 'command', to, type, payload, reply };
}
