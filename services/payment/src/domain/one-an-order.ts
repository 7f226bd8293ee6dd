import { fault } from '@stoa/platform/errors';

/**
 * Refuses a batch with two commands about one order: each has to see what the one before did. Commands of one key never meet in a batch, and
 * sagas rarely share an order; when they do, the batch is carried out again one by one.
 */
export function oneAnOrder<C extends { readonly payload: { readonly orderId: string } }>(
  commands: readonly C[],
): readonly C[] {
  const orders = new Set(commands.map(({ payload }) => payload.orderId));
  if (orders.size < commands.length)
    throw fault('service.unavailable', 'two commands about one order are carried out one after the other');
  return commands;
}
