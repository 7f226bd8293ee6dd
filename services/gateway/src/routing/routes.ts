import { assert } from '@stoa/platform/errors';
import type { Contract, Operation } from '@stoa/platform/schema';
import createRouter, { type HTTPMethod } from 'find-my-way';

/** One operation that can be reached from outside, with what its requests are handed to. */
export interface Route<T> {
  readonly service: string;
  readonly name: string;
  readonly operation: Operation;
  readonly target: T;
}

/** What a method and path lead to. */
export type Found<T> =
  | { readonly kind: 'route'; readonly route: Route<T> }
  | { readonly kind: 'other-methods'; readonly allow: readonly string[] }
  | { readonly kind: 'nothing' };

export interface Routes<T> {
  /** `path` without the query, normalised. HEAD finds what GET does. */
  find(method: string, path: string): Found<T>;
  readonly all: readonly Route<T>[];
}

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
const nothing = { kind: 'nothing' } as const;

/** Compiles the operations of all contracts into one tree. Internal operations are not in it: there is no way to them from outside. */
export function compileRoutes<T>(targets: readonly { readonly contract: Contract; readonly target: T }[]): Routes<T> {
  // Parameters are bounded by their schemas; here only by what a request line can hold.
  const router = createRouter({ maxParamLength: 2048 });
  const all: Route<T>[] = [];
  for (const { contract, target } of targets) {
    for (const [name, operation] of Object.entries(contract.operations)) {
      if (operation.access.who === 'internal') continue;
      assert(
        !operation.path.startsWith('/internal/'),
        `${contract.service}.${name} is public but its path is internal`,
      );
      const route = { service: contract.service, name, operation, target };
      router.on(operation.method, operation.path, unused, { kind: 'route', route });
      all.push(route);
    }
  }
  router.compile();

  return {
    all,
    find(method, path) {
      const found = router.find((method === 'HEAD' ? 'GET' : method) as HTTPMethod, path);
      if (found !== null) return found.store as Found<T>;
      const allowed = methods.filter((other) => router.find(other, path) !== null);
      if (allowed.length === 0) return nothing;
      const allow: string[] = [...allowed];
      if (allow.includes('GET')) allow.push('HEAD');
      return { kind: 'other-methods', allow };
    },
  };
}

/** find-my-way wants a handler for each route; here the route itself is what is looked for. */
const unused = () => undefined;
