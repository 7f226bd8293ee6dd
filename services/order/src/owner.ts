import { refusal } from '@stoa/platform/errors';
import { isStaff } from '@stoa/platform/http';
import type { Principal } from '@stoa/platform/schema';
import type { OrderService } from './deps.ts';
import type { OrderTokens } from './order-tokens.ts';
import { type OrderRecord, readOrders } from './store/orders.ts';

interface Asking {
  readonly principal: Principal;
  readonly orderToken?: string | undefined;
}

/** Whether an order is the caller's: their own, a guest's with its token, or anybody's for staff. */
export function mayTouch(
  { principal, orderToken }: Asking,
  order: { id: string; userId: string | null },
  tokens: OrderTokens,
): boolean {
  if (isStaff(principal, ['support', 'operator'])) return true;
  if (principal.kind === 'user' && order.userId === principal.userId) return true;
  return tokens.proves(orderToken, order.id);
}

export function notFound(id: string): Error {
  return refusal('order.not-found', `There is no order ${id}.`);
}

/** The order, if it is the caller's to see. */
export async function findOrder(
  call: Asking & { params: { id: string } },
  service: OrderService,
): Promise<OrderRecord> {
  const [record] = await readOrders(service.db, [call.params.id]);
  if (!record || !mayTouch(call, record.state, service.deps.tokens)) throw notFound(call.params.id);
  return record;
}

/** Who did something, for the audit trail. Ids only. */
export function actorOf(principal: Principal): string {
  if (principal.kind === 'user') return `user:${principal.userId}`;
  if (principal.kind === 'key') return `key:${principal.keyId}`;
  return principal.kind === 'service' ? `service:${principal.name}` : 'guest';
}
