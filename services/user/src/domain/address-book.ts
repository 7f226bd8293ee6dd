import type { UserAddress, UserAddressInput } from '@stoa/contracts/user';
import { refusal, type Violation } from '@stoa/platform/errors';
import type { Id } from '@stoa/platform/ids';

/**
 * The address book after its owner sent a new one: addresses without an id are new, those that are not sent are gone, and exactly one is
 * the default as long as there are any.
 */
export function rewriteAddressBook(
  before: readonly UserAddress[],
  sent: readonly UserAddressInput[],
  makeId: () => Id,
): UserAddress[] {
  const errors = violationsOf(before, sent);
  if (errors.length > 0) throw refusal('request.invalid', 'The addresses do not fit together.', { errors });
  const defaultAt = Math.max(
    sent.findIndex((address) => address.isDefault),
    0,
  );
  return sent.map((address, at) => ({ ...address, id: address.id ?? makeId(), isDefault: at === defaultAt }));
}

function violationsOf(before: readonly UserAddress[], sent: readonly UserAddressInput[]): Violation[] {
  const own = new Set(before.map((address) => address.id));
  const seen = new Set<Id>();
  const errors: Violation[] = [];
  for (const [at, { id }] of sent.entries()) {
    if (id === undefined) continue;
    if (!own.has(id)) errors.push({ path: `/addresses/${at}/id`, message: 'is not the id of one of your addresses' });
    if (seen.has(id)) errors.push({ path: `/addresses/${at}/id`, message: 'stands here twice' });
    seen.add(id);
  }
  if (sent.filter((address) => address.isDefault).length > 1) {
    errors.push({ path: '/addresses', message: 'may have one default' });
  }
  return errors;
}
