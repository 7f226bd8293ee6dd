import type { orderContract } from '@stoa/contracts/order';
import type { Handler } from '@stoa/platform/service';
import { answerWithCart } from '../cart-view.ts';
import type { OrderDeps } from '../deps.ts';
import { findCart } from '../find-cart.ts';

/** A cart, at today's prices. */
export const getCart: Handler<typeof orderContract.operations.getCart, OrderDeps> = async (call, service) =>
  answerWithCart(await findCart(call, call.params.id, service), service, call);
