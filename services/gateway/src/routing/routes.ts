import { assert } from '@stoa/platform/errors';
import { paramLengthMax } from '@stoa/platform/http';
import type { Operation } from '@stoa/platform/schema';
import createRouter, { type HTTPMethod } from 'find-my-way';
import type { ServiceTargets, Target } from './target.ts';

/** One operation that can be reached from outside, with what its requests are handed to. */
export interface Route {
  readonly service: string;
  readonly name: string;
  /** `order.placeOrder`: for metrics and logs. */
  readonly label: string;
  readonly operation: Operation;
  readonly target: Target;
  readonly quota: Quota;
}

/**
 * Against what a request is counted: its caller; the address and the account that its body names (`auth`); the address of a machine that signs
 * (`signed`); nothing, for probes.
 */
export type Quota = 'caller' | 'auth' | 'signed' | 'none';

/** What a method and path lead to. */
export type Found =
  | { readonly kind: 'route'; readonly route: Route }
  | { readonly kind: 'other-methods'; readonly allow: readonly string[] }
  | { readonly kind: 'nothing' };

export interface Routes {
  /** `path` without the query, normalised. HEAD finds what GET does. */
  find(method: string, path: string): Found;
}

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
const nothing = { kind: 'nothing' } as const;
const probes = new Set(['/health/live', '/health/ready', '/ready']);

/** Compiles the operations of all targets into one tree. Internal operations are not in it: there is no way to them from outside. */
export function compileRoutes(services: readonly ServiceTargets[]): Routes {
  const router = createRouter({ maxParamLength: paramLengthMax });
  for (const { contract, of } of services) {
    const { service, operations } = contract;
    for (const [name, operation] of Object.entries(operations)) {
      if (operation.access.who === 'internal') continue;
      const label = `${service}.${name}`;
      assert(!operation.path.startsWith('/internal/'), `${label} is public but its path is internal`);
      const route: Route = { service, name, label, operation, target: of(name), quota: quotaOf(operation) };
      router.on(operation.method, operation.path, unused, { kind: 'route', route });
    }
  }
  router.compile();

  return {
    find(method, path) {
      const found = router.find((method === 'HEAD' ? 'GET' : method) as HTTPMethod, path);
      if (found !== null) return found.store as Found;
      const allowed = methods.filter((other) => router.find(other, path) !== null);
      if (allowed.length === 0) return nothing;
      const allow: string[] = [...allowed];
      if (allow.includes('GET')) allow.push('HEAD');
      return { kind: 'other-methods', allow };
    },
  };
}

function quotaOf({ path, access }: Operation): Quota {
  if (probes.has(path)) return 'none';
  if (path.startsWith('/api/v1/auth/')) return 'auth';
  return access.who === 'signed' ? 'signed' : 'caller';
}

/** find-my-way wants a handler for each route; here the route itself is what is looked for. */
const unused = () => undefined;
