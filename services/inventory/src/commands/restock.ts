import { inventoryCommands } from '@stoa/contracts/inventory-messages';
import { newId } from '@stoa/platform/ids';
import type { Cause, Outcome } from '@stoa/platform/schema';
import { commandHandler } from '@stoa/platform/service';
import { sumLines } from '../domain/order-lines.ts';
import { done, notUndoable } from '../domain/outcomes.ts';
import type { Reservation } from '../domain/reservation.ts';
import { cancelLines, returnLines } from '../domain/restock.ts';
import { findRestocks, lockReservations, type NewMovement, writeBatch } from '../store/batch.ts';
import { lockShelf, takeTurn } from '../store/locking.ts';
import { tellChanges } from '../tell-changes.ts';

/** Takes sold goods back into stock, where they came from. */
export const restock = commandHandler(inventoryCommands.restock, {
  async doMany(commands, tx, service) {
    await takeTurn(tx);
    const carriedOut = await findRestocks(
      tx,
      commands.map(({ payload }) => payload.restockId),
    );
    const reservations = await lockReservations(
      tx,
      commands.map(({ payload }) => payload.orderId),
    );
    const shelf = await lockShelf(
      tx,
      [...reservations.values()].flat().map(({ sku }) => sku),
    );
    const changed = new Map<string, Reservation>();
    const movements: NewMovement[] = [];
    const restocks: { restockId: string; orderId: string }[] = [];
    const causes = new Map<string, Cause>();
    const at = service.clock.now();

    const outcomes = commands.map(({ payload, cause, step }): Outcome<Record<string, never>> => {
      const { orderId, restockId, kind, reason } = payload;
      if (carriedOut.has(restockId)) return done;
      const rows = reservations.get(orderId) ?? [];
      const asked = sumLines(payload.lines);
      const moves = kind === 'cancelled' ? cancelLines(rows, asked) : returnLines(rows, asked);
      if (moves === undefined) return notSold(orderId);
      carriedOut.add(restockId);
      restocks.push({ restockId, orderId });
      for (const { before, after, change } of moves) {
        const { sku, locationId } = after;
        shelf.restock(after, change);
        changed.set(`${orderId} ${sku} ${locationId}`, after);
        rows[rows.indexOf(before)] = after;
        causes.set(sku, cause);
        for (const column of ['sold', 'returned'] as const) {
          const quantity = change[column];
          const actor = `service ${step.replyTo}`;
          if (quantity !== 0)
            movements.push({ id: newId(), sku, locationId, kind: column, quantity, reason, actor, orderId, at });
        }
      }
      return done;
    });
    await writeBatch(tx, { stock: shelf.changes(), changed: [...changed.values()], movements, restocks });
    tellChanges(service, tx, { changes: shelf.changedSkus(), causeOf: (sku) => causes.get(sku) as Cause });
    return outcomes;
  },

  undoMany: async (commands) => commands.map(() => notUndoable),
});

function notSold(orderId: string): Outcome<never> {
  return {
    kind: 'refused',
    code: 'inventory.not-sold',
    detail: `More would come back than order ${orderId} has bought.`,
  };
}
