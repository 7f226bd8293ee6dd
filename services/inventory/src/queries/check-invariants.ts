import type { InvariantCheck, Service } from '@stoa/platform/service';
import { type Damage, findDamages } from '../store/damages.ts';

/**
 * I1: the counts of every SKU at every location add up, none is negative, and the ledger says the same. I2, as far as it lies here: what is reserved and
 * sold is what orders hold and have bought.
 */
export async function checkInvariants({ db }: Pick<Service<never>, 'db'>): Promise<InvariantCheck[]> {
  const { checked, damages } = await findDamages(db);
  return [
    check(
      'I1',
      checked,
      damages.filter(({ adds }) => !adds),
    ),
    check(
      'I2',
      checked,
      damages.filter(({ owned }) => !owned),
    ),
  ];
}

function check(name: string, checked: number, damages: readonly Damage[]): InvariantCheck {
  const violations = damages.map(({ sku, locationId, counts }) => ({
    witness: `${sku} at ${locationId}: ${JSON.stringify(counts)}`,
  }));
  return { name, held: violations.length === 0, checked, violations };
}
