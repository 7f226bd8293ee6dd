import type { InvariantCheck, Service } from '@stoa/platform/service';
import { checkFold } from './store/check-fold.ts';

/** I9, as far as it is ours: the figures are the fold of the events. */
export async function checkInvariants(service: Service): Promise<InvariantCheck[]> {
  const { entries, witnesses } = await service.db.transaction(checkFold, { isolation: 'repeatable read' });
  return [
    {
      name: 'I9',
      held: witnesses.length === 0,
      checked: entries,
      violations: witnesses.map((witness) => ({ witness })),
    },
  ];
}
