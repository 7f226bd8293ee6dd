import { type SagaView, saga } from '@stoa/platform/saga';
import { type CheckOutInput, checkOutName } from '../../check-out-input.ts';
import type { OrderDeps, OrderService } from '../../deps.ts';
import { startCancellation } from '../../start-cancellation.ts';
import { type OpenOrder, openOrders } from '../../store/orders.ts';
import { authorisePayment } from './authorise-payment.ts';
import { bookShipment } from './book-shipment.ts';
import { capturePayment } from './capture-payment.ts';
import { commitStock } from './commit-stock.ts';
import { confirmOrder } from './confirm-order.ts';
import { endUnfulfilled } from './end-unfulfilled.ts';
import type { CheckOut } from './input.ts';
import { recordCapture } from './record-capture.ts';
import { reserveStock } from './reserve-stock.ts';

/** From an order that has been placed to one that is confirmed, paid and on its way; or to one that never was, with nothing held. */
export const checkOut = saga<CheckOutInput, OpenOrder, OrderDeps>(checkOutName)
  .step(reserveStock)
  .step(authorisePayment)
  .step(confirmOrder)
  .pivot()
  .step(commitStock)
  .step(capturePayment)
  .step(recordCapture)
  .step(bookShipment)
  .build({
    timeoutMs: 15 * 60_000,
    load: (keys, tx) => openOrders(tx, keys),
    failed: endUnfulfilled,
    completed: cancelIfAskedTo,
  });

/** A cancel that came while the check-out was past its pivot has waited for this moment. Where the money was refused, that has started one already. */
function cancelIfAskedTo(
  ended: SagaView<CheckOutInput, OpenOrder>,
  tx: Parameters<typeof startCancellation>[0],
  service: OrderService,
): void {
  const { cancellationRequested, payment, status } = (ended as CheckOut).state.state;
  if (cancellationRequested === null || status !== 'confirmed' || payment.status === 'authorised') return;
  startCancellation(
    tx,
    ended.state.state,
    { code: 'order.cancelled', detail: cancellationRequested },
    ended.cause,
    service,
  );
}
