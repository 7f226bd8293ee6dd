import type { Id } from '@stoa/platform/ids';

/** What stands in an account after its person was erased: unique, reachable by nobody (RFC 2606 reserves `.invalid`). */
export function erasedPerson(id: Id): { readonly email: string; readonly name: string } {
  return { email: `erased-${id}@erased.invalid`, name: 'Erased' };
}
