import { inventoryContract } from '@stoa/contracts/inventory';
import { orderContract } from '@stoa/contracts/order';
import { productContract } from '@stoa/contracts/product';
import { shippingContract } from '@stoa/contracts/shipping';
import { userContract } from '@stoa/contracts/user';
import { defineService } from '@stoa/platform/service';
import { cancelOrder } from './commands/cancel-order.ts';
import { createCart } from './commands/create-cart.ts';
import { createShipment } from './commands/create-shipment.ts';
import { eraseGuest } from './commands/erase-guest.ts';
import { markDelivered } from './commands/mark-delivered.ts';
import { placeOrder } from './commands/place-order.ts';
import { refundOrder } from './commands/refund-order.ts';
import { removeCartItem } from './commands/remove-cart-item.ts';
import { setCartItem } from './commands/set-cart-item.ts';
import type { OrderDeps } from './deps.ts';
import { orderInvariants } from './invariants.ts';
import { forgetCarts } from './jobs/forget-carts.ts';
import { Catalogue } from './neighbours/catalogue.ts';
import { Customers } from './neighbours/customers.ts';
import { ShippingPrices } from './neighbours/shipping-prices.ts';
import { Stock } from './neighbours/stock.ts';
import { OrderChanges } from './order-changes.ts';
import { OrderTokens } from './order-tokens.ts';
import { getContact, listCartsForUser, listForUser, statusOf, verificationPage } from './queries/for-services.ts';
import { getCart } from './queries/get-cart.ts';
import { getOrder } from './queries/get-order.ts';
import { listOrderEvents } from './queries/list-order-events.ts';
import { listOrders } from './queries/list-orders.ts';
import { streamOrder } from './queries/stream-order.ts';
import { onProductChanged } from './reactions/on-product-changed.ts';
import { onUserChanged } from './reactions/on-user-changed.ts';
import { onUserErased } from './reactions/on-user-erased.ts';
import { cancelOrderSaga } from './sagas/cancel-order/cancel-order.ts';
import { checkOut } from './sagas/check-out/check-out.ts';
import { refundSaga } from './sagas/refund/refund.ts';
import { OrderNumbers } from './store/numbers.ts';

/** Orders, from being placed to being delivered, and the check-out that gets them there. */
export const order = defineService<OrderDeps>({
  name: 'order',
  contract: orderContract,
  migrations: new URL('../migrations/', import.meta.url),
  async prepare({ db, client, cache, log }) {
    return {
      catalogue: new Catalogue(client(productContract), cache),
      customers: new Customers(client(userContract)),
      shippingPrices: new ShippingPrices(client(shippingContract), log),
      stock: new Stock(client(inventoryContract)),
      numbers: new OrderNumbers(db),
      changes: new OrderChanges(db),
      tokens: await OrderTokens.open(db),
    };
  },
  close: async (deps) => deps.changes.close(),
  routes: {
    createCart,
    getCart,
    setCartItem,
    removeCartItem,
    placeOrder,
    listOrders,
    getOrder,
    listOrderEvents,
    streamOrder,
    cancelOrder,
    refundOrder,
    createShipment,
    markDelivered,
    eraseGuest,
    getContact,
    statusOf,
    listForUser,
    listCartsForUser,
    verificationPage,
  },
  reactions: [onProductChanged, onUserChanged, onUserErased],
  sagas: [checkOut, cancelOrderSaga, refundSaga],
  jobs: [forgetCarts],
  invariants: orderInvariants,
});
