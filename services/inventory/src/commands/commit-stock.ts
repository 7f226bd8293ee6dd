import { inventoryCommands } from '@stoa/contracts/inventory-messages';
import { newId } from '@stoa/platform/ids';
import type { Cause, Outcome } from '@stoa/platform/schema';
import { commandHandler } from '@stoa/platform/service';
import { done, notUndoable } from '../domain/outcomes.ts';
import type { Reservation } from '../domain/reservation.ts';
import { lockReservations, type NewMovement, writeBatch } from '../store/batch.ts';
import { lockShelf, takeTurn } from '../store/locking.ts';
import { tellChanges } from '../tell-changes.ts';

/** Turns what orders hold into sales. */
export const commitStock = commandHandler(inventoryCommands.commitStock, {
  async doMany(commands, tx, service) {
    await takeTurn(tx);
    const reservations = await lockReservations(
      tx,
      commands.map(({ payload }) => payload.orderId),
    );
    const shelf = await lockShelf(
      tx,
      [...reservations.values()].flat().map(({ sku }) => sku),
    );
    const sold: Reservation[] = [];
    const movements: NewMovement[] = [];
    const causes = new Map<string, Cause>();
    const at = service.clock.now();
    const outcomes = commands.map(({ payload: { orderId }, cause, step }) => {
      const rows = reservations.get(orderId) ?? [];
      // An order that is sent twice has nothing held the second time.
      reservations.set(
        orderId,
        rows.map((row) => (row.state === 'held' ? { ...row, state: 'sold' } : row)),
      );
      for (const row of rows.filter(({ state }) => state === 'held')) {
        const { sku, locationId, quantity } = row;
        shelf.sell(row);
        sold.push({ ...row, state: 'sold' });
        const actor = `service ${step.replyTo}`;
        movements.push({ id: newId(), sku, locationId, kind: 'sold', quantity, reason: null, actor, orderId, at });
        causes.set(sku, cause);
      }
      return rows.some(({ state }) => state !== 'released') ? done : notReserved(orderId);
    });
    await writeBatch(tx, { stock: shelf.changes(), changed: sold, movements });
    tellChanges(service, tx, { changes: shelf.changedSkus(), causeOf: (sku) => causes.get(sku) as Cause });
    return outcomes;
  },

  undoMany: async (commands) => commands.map(() => notUndoable),
});

function notReserved(orderId: string): Outcome<never> {
  return { kind: 'refused', code: 'inventory.not-reserved', detail: `Order ${orderId} holds no stock.` };
}
