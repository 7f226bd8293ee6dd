import type { Reservation } from './reservation.ts';
import type { CountChange } from './shelf.ts';

/** How one reservation changes, and its stock with it. */
export interface RestockMove {
  readonly before: Reservation;
  readonly after: Reservation;
  readonly change: CountChange;
}

type Asked = ReadonlyMap<string, number>;

/** Sold goods come back and the sale stands. Undefined when more would come back than was sold and is still out. */
export function returnLines(reservations: readonly Reservation[], asked: Asked): RestockMove[] | undefined {
  const moves: RestockMove[] = [];
  for (const [sku, quantity] of asked) {
    let missing = quantity;
    for (const before of reservations.filter((row) => row.sku === sku && row.state === 'sold')) {
      const units = Math.min(missing, before.quantity - before.returned);
      if (units === 0) continue;
      missing -= units;
      const after = { ...before, returned: before.returned + units };
      moves.push({ before, after, change: { onHand: units, reserved: 0, returned: units, sold: 0 } });
    }
    if (missing > 0) return undefined;
  }
  return moves;
}

/**
 * The order is off. What it has bought counts no longer as sold, and what it still holds is let go. Units that a refund has brought back before are
 * on hand already: their return is taken out of the books with their sale. More than the order has is not asked back.
 */
export function cancelLines(reservations: readonly Reservation[], asked: Asked): RestockMove[] {
  const moves: RestockMove[] = [];
  for (const [sku, quantity] of asked) {
    let missing = quantity;
    for (const before of reservations.filter((row) => row.sku === sku && row.state !== 'released')) {
      const units = Math.min(missing, before.quantity);
      if (units === 0) continue;
      missing -= units;
      moves.push(before.state === 'held' ? letGo(before, units) : unsell(before, units));
    }
  }
  return moves;
}

function letGo(before: Reservation, units: number): RestockMove {
  return { before, after: without(before, units, 0), change: { onHand: 0, reserved: -units, returned: 0, sold: 0 } };
}

function unsell(before: Reservation, units: number): RestockMove {
  const comeBack = Math.min(units, before.quantity - before.returned);
  const backAlready = units - comeBack;
  const change = { onHand: comeBack, reserved: 0, returned: 0 - backAlready, sold: -units };
  return { before, after: without(before, units, backAlready), change };
}

/** The reservation less some units; one that is over keeps the quantity it had. */
function without(before: Reservation, units: number, backAlready: number): Reservation {
  if (units === before.quantity) return { ...before, state: 'released' };
  return { ...before, quantity: before.quantity - units, returned: before.returned - backAlready };
}
