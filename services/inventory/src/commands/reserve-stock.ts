import { inventoryCommands } from '@stoa/contracts/inventory-messages';
import { crashPoint } from '@stoa/platform/lifecycle';
import type { Cause, Outcome } from '@stoa/platform/schema';
import { commandHandler } from '@stoa/platform/service';
import { firstShortage, sumLines } from '../domain/order-lines.ts';
import { done } from '../domain/outcomes.ts';
import { crossesLimit, type Portion } from '../domain/shelf.ts';
import { releaseHeld } from '../release-held.ts';
import { writeBatch } from '../store/batch.ts';
import { lockShelf, takeTurn } from '../store/locking.ts';
import { tellChanges } from '../tell-changes.ts';

/** Holds stock for orders, first come first served; an order gets all of its lines or none. */
export const reserveStock = commandHandler(inventoryCommands.reserveStock, {
  async doMany(commands, tx, service) {
    await takeTurn(tx);
    const orders = commands.map(({ payload, cause }) => ({ ...payload, cause, asked: sumLines(payload.lines) }));
    const shelf = await lockShelf(
      tx,
      orders.flatMap(({ asked }) => [...asked.keys()]),
    );
    const taken: (Portion & { orderId: string })[] = [];
    const causes = new Map<string, Cause>();
    const outcomes = orders.map(({ orderId, asked, cause }) => {
      const shortage = firstShortage(asked, shelf);
      if (shortage) return outOfStock(shortage);
      for (const [sku, quantity] of asked) {
        for (const portion of shelf.hold(sku, quantity)) taken.push({ orderId, ...portion });
        causes.set(sku, cause);
      }
      return done;
    });
    await writeBatch(tx, { stock: shelf.changes(), taken });
    const causeOf = (sku: string) => causes.get(sku) as Cause;
    tellChanges(service, tx, { changes: shelf.changedSkus(), worthTelling: crossesLimit, causeOf });
    crashPoint('reservation.before-commit');
    return outcomes;
  },

  async undoMany(commands, tx, service) {
    await releaseHeld(
      service,
      tx,
      commands.map(({ payload, cause }) => ({ orderId: payload.orderId, cause })),
    );
    return commands.map(() => done);
  },
});

function outOfStock({ sku, asked, available }: { sku: string; asked: number; available: number }): Outcome<never> {
  return { kind: 'refused', code: 'order.out-of-stock', detail: `${sku}: ${asked} asked for, ${available} available.` };
}
