import type { inventoryContract } from '@stoa/contracts/inventory';
import { inventoryEvents } from '@stoa/contracts/inventory-messages';
import { refusal } from '@stoa/platform/errors';
import { once } from '@stoa/platform/idempotency';
import { newId } from '@stoa/platform/ids';
import type { Principal } from '@stoa/platform/schema';
import type { Handler } from '@stoa/platform/service';
import { violationOf } from '../domain/adjustment.ts';
import { mainLocation } from '../domain/stock.ts';
import { forgetDisplayed } from '../kept-stock.ts';
import { adjust } from '../store/adjustments.ts';
import { lockSku } from '../store/stock-rows.ts';

type AdjustStock = typeof inventoryContract.operations.adjustStock;

/** Receives, takes back, writes off or corrects stock, and notes it in the ledger. */
export const adjustStock: Handler<AdjustStock, never> = async (call, service) => {
  const { kind, quantity, reason, locationId = mainLocation } = call.body;
  const violation = violationOf(call.body);
  if (violation) throw refusal('request.invalid', 'This quantity cannot be adjusted.', { errors: [violation] });
  return once(call, service, {
    work: async (tx) => {
      const sku = call.params.sku.toUpperCase();
      const id = newId(service.clock.nowMs());
      const adjustment = {
        id,
        sku,
        kind,
        quantity,
        reason,
        actor: actorOf(call.principal),
        locationId,
        at: service.clock.now(),
      };
      // What is answered and announced is of the whole SKU: without this an adjustment at another location would not be seen.
      await lockSku(tx, sku);
      const stock = await adjust(tx, adjustment);
      if (!stock) throw insufficient(sku, locationId);
      const { available, version } = stock;
      forgetDisplayed(service, tx, [sku]);
      service.publish(tx, inventoryEvents.stockChanged, {
        key: sku,
        payload: { sku, available, version },
        cause: call.cause,
      });
      return { resource: id, answer: { status: 201, body: { ...adjustment, orderId: null, stock }, version } };
    },
  });
};

function actorOf(principal: Principal): string {
  if (principal.kind === 'user') return `user ${principal.userId}`;
  if (principal.kind === 'key') return `key ${principal.keyId}`;
  return principal.kind === 'service' ? `service ${principal.name}` : 'anonymous';
}

function insufficient(sku: string, locationId: string): Error {
  return refusal('inventory.insufficient', `Less of ${sku} would be left at ${locationId} than is reserved there.`);
}
