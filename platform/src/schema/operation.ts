import { type TProperties, type TSchema, Type } from 'typebox';
import { assert } from '../errors/index.ts';
import type { Contract, Operation, OperationInput } from './contract.ts';
import { strict } from './words.ts';

/**
 * Declares one operation of a service. Path parameters not described are plain texts of up to 200 characters.
 *
 * @example
 * operation({ method: 'POST', path: '/internal/tea/prices', summary: 'Prices', access: internal, body, answer, repeatable: true, policy: { attemptsMax: 2 } })
 */
export function operation<
  const P extends TProperties = Record<never, never>,
  const Q extends TProperties = Record<never, never>,
  B extends TSchema | undefined = undefined,
  R extends TSchema | undefined = undefined,
>(input: OperationInput<P, Q, B, R>): Operation<NoInfer<P>, NoInfer<Q>, NoInfer<B>, NoInfer<R>> {
  const named = [...input.path.matchAll(/:([A-Za-z]+)/g)].map((match) => match[1] as string);
  const described = Object.keys(input.params ?? {});
  assert(
    named.length === described.length && named.every((name) => described.includes(name)),
    `${input.method} ${input.path} must describe exactly its path parameters`,
  );
  const { attemptsMax = 1, attemptTimeoutMs = 1, concurrentMax = 1 } = input.policy ?? {};
  assert(
    Number.isInteger(attemptsMax) && attemptsMax >= 1 && attemptTimeoutMs >= 1 && concurrentMax >= 1,
    `${input.method} ${input.path} has a policy that lets no call through`,
  );
  assert(input.fallback === undefined || input.answer !== undefined, `${input.path} falls back on no answer`);
  const { params, query, body, answer, statuses, errors, ...rest } = input;
  return {
    ...rest,
    params: strict((params ?? {}) as P),
    query: strict((query ?? {}) as Q),
    body: body as B,
    answer: answer as R,
    statuses: statuses ?? [answer === undefined && input.streams === undefined ? 204 : 200],
    errors: errors ?? [],
  };
}

/** Puts a service's words together; refuses two operations at one address and codes nobody declared. */
export function contract<const C extends Contract>(words: C): C {
  const addresses = new Set<string>();
  for (const [name, op] of Object.entries(words.operations)) {
    const address = `${op.method} ${op.path.replace(/:[A-Za-z]+/g, ':')}`;
    assert(!addresses.has(address), `${words.service}.${name} repeats ${address}`);
    addresses.add(address);
    for (const code of op.errors)
      assert(code in words.errors, `${words.service}.${name} names the undeclared code ${code}`);
  }
  return words;
}

/** An answer without a body. */
export const nothing = Type.Undefined();
