import type { Access, Role } from '@stoa/platform/schema';
import { roleAllows } from '@stoa/platform/schema';
import { addressOf, goodRequest } from './good-request.ts';
import type { NamedOperation } from './operations.ts';
import { codeOf, type Sending, type Sent } from './send.ts';
import type { OwnedOrder, Town } from './town.ts';

/** Somebody who asks, and what they send to say who they are. */
export interface Asker {
  readonly name: string;
  readonly kind: 'nobody' | 'guest' | 'person' | 'machine' | 'impostor';
  readonly role?: Role;
  /** Whether the things that the matrix asks about are theirs. */
  readonly owns: boolean;
  readonly headers: Readonly<Record<string, string>>;
}

/** What an asker has to hear: let in, or turned away in one of the four ways. */
export type Expected = 'let in' | 'auth.missing' | 'auth.invalid' | 'auth.forbidden' | 'not theirs' | 'nothing there';

/** Works out from the declaration alone what an asker has to hear. */
export function expectedOf(access: Access, path: string, asker: Asker): Expected {
  if (access.who === 'internal') return 'nothing there';
  if (access.who === 'signed') return 'auth.invalid';
  if (asker.kind === 'impostor') return 'auth.invalid';
  if (access.who === 'anyone') return 'let in';
  if (access.who === 'owner' && asker.kind === 'guest' && access.guest !== undefined)
    return asker.owns ? 'let in' : 'not theirs';
  if (asker.kind === 'nobody' || asker.kind === 'guest') return 'auth.missing';
  if (access.who === 'caller') return asker.kind === 'person' ? 'let in' : 'auth.forbidden';
  const role = asker.role as Role;
  if (access.who === 'staff') return roleAllows(role, access.roles) ? 'let in' : 'auth.forbidden';
  // Where no role is named, not even an admin looks into what is somebody's own.
  if (access.orRoles.length > 0 && roleAllows(role, access.orRoles)) return 'let in';
  // A list holds what is the caller's, be it nothing; a machine has nothing of its own.
  if (!path.includes(':')) return asker.kind === 'person' ? 'let in' : 'auth.forbidden';
  return asker.owns ? 'let in' : 'not theirs';
}

export type Ask = (sending: Sending, asker: Asker) => Promise<Sent>;

export interface MatrixOptions {
  readonly operations: readonly NamedOperation[];
  readonly askers: readonly Asker[];
  readonly owned: OwnedOrder;
  readonly town: Town;
  readonly ask: Ask;
}

/** Asks for every operation as everybody; returns every answer that is not the one declared. */
export async function findBreaches({ operations, askers, owned, town, ask }: MatrixOptions): Promise<string[]> {
  const breaches: string[] = [];
  for (const named of operations) {
    const sending = harmless(named, town, owned);
    await Promise.all(
      askers.map(async (asker) => {
        const expected = expectedOf(named.operation.access, named.operation.path, asker);
        const answer = await ask({ ...sending, headers: { ...sending.headers, ...asker.headers } }, asker);
        if (!isWhat(expected, answer, named)) {
          breaches.push(
            `${named.name}, asked by ${asker.name}: ${expected} expected, ${answer.status} ${answer.text.slice(0, 200)}`,
          );
        }
      }),
    );
  }
  return breaches;
}

/**
 * A request that shows whether one is let in and changes nothing: those who may write are told that what they sent is no good. Whose a thing
 * is comes out only when all the rest is good, so about orders the request is good, and the order is one that cannot change any more.
 */
function harmless(named: NamedOperation, town: Town, owned: OwnedOrder): Sending {
  const { operation } = named;
  const good = goodRequest(named, town, owned);
  const body = operation.access.who === 'owner' ? good.body : { notAField: true };
  const json = { 'content-type': 'application/json', 'idempotency-key': `matrix-${named.name}` };
  const isRead = operation.method === 'GET';
  return {
    method: operation.method,
    path: addressOf(operation.path, good),
    ...(!isRead && { headers: json, body: JSON.stringify(body) }),
  };
}

function isWhat(expected: Expected, answer: Sent, { operation }: NamedOperation): boolean {
  const code = codeOf(answer);
  switch (expected) {
    case 'let in':
      // Staff who are told that a thing is not there have been let in to look; an owner is told the same when turned away.
      if (answer.status === 404) return operation.access.who === 'staff' && operation.errors.includes(code ?? '');
      return answer.status < 500 && ![401, 403].includes(answer.status);
    case 'not theirs':
      return answer.status === 404 && code !== 'route.not-found' && (code?.endsWith('.not-found') ?? false);
    case 'nothing there':
      return answer.status === 404 && code === 'route.not-found';
    case 'auth.forbidden':
      return answer.status === 403 && code === expected;
    default:
      return answer.status === 401 && code === expected;
  }
}
