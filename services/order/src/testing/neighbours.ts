import { inventoryContract } from '@stoa/contracts/inventory';
import { inventoryCommands } from '@stoa/contracts/inventory-messages';
import { orderEvents } from '@stoa/contracts/order-messages';
import { paymentContract } from '@stoa/contracts/payment';
import { paymentCommands } from '@stoa/contracts/payment-messages';
import { type PricedSku, productContract } from '@stoa/contracts/product';
import { shippingContract } from '@stoa/contracts/shipping';
import { shippingCommands } from '@stoa/contracts/shipping-messages';
import { userContract } from '@stoa/contracts/user';
import { fault } from '@stoa/platform/errors';
import { newId } from '@stoa/platform/ids';
import type { CommandType, Message, Outcome } from '@stoa/platform/schema';
import {
  type CommandHandler,
  commandHandler,
  defineService,
  reactionToMany,
  type ServiceDefinition,
} from '@stoa/platform/service';

/** What the services around order have, as the tests put it there. */
export interface Neighbours {
  readonly catalogue: Map<string, PricedSku>;
  /** Available units; `down` when the inventory cannot be asked. */
  stock: Map<string, number> | 'down';
  /** Until when each call was waited for, by the operation that was called. */
  readonly deadlines: Map<string, number[]>;
  /** What the catalogue waits for before it answers; nothing unless a test holds it. */
  held: (() => Promise<unknown>) | undefined;
  /** What becomes of reservations. */
  reservation: Outcome<Record<string, never>>;
  /** Commands that wait for the test's own answer; the others are carried out at once. */
  readonly later: Set<CommandType>;
  /** Contacts of which others were told that they are erased, with the correlation id of that. */
  readonly erasedContacts: Map<string, string>;
  /** What answers a command that waits, by its type and the order that it is about. */
  readonly answers: Map<string, (outcome: Outcome) => Promise<void>>;
}

export const reserved: Neighbours['reservation'] = { kind: 'done', output: {} };
export const outOfStock: Neighbours['reservation'] = {
  kind: 'refused',
  code: 'order.out-of-stock',
  detail: 'There is not enough.',
};

/** An active product with one variant, as the product service tells its price. */
export function priced(sku: string, amount: number, currency = 'EUR'): PricedSku {
  const price = { amount, currency };
  return {
    sku,
    productId: newId(),
    title: `A ${sku.toLowerCase()}`,
    price,
    prices: [price],
    version: 1,
    status: 'active',
  };
}

/** Stand-ins for the services that carts and orders ask, with as much of their contracts as they use. */
export function standIns(neighbours: Neighbours): ServiceDefinition<never>[] {
  const { getPrices } = productContract.operations;
  const { getAvailability } = inventoryContract.operations;
  const { getContact } = userContract.operations;
  const { quoteShipping } = shippingContract.operations;
  const carriesOut = (command: CommandType, output: object = {}): CommandHandler<never> => ({
    command,
    later: true,
    doMany: async (commands, _tx, service) =>
      commands.map((received) => {
        if (!neighbours.later.has(command)) return { kind: 'done', output };
        const { key } = received as Message;
        neighbours.answers.set(`${command.type} ${key}`, (outcome) =>
          service.db.transaction(async (tx) => service.reply(tx, received, outcome)),
        );
        return 'later';
      }),
    undoMany: async (commands) => commands.map(() => reserved),
  });
  const note = (operation: string, deadlineMs: number) => {
    neighbours.deadlines.set(operation, [...(neighbours.deadlines.get(operation) ?? []), deadlineMs]);
  };
  return [
    defineService<never>({
      name: 'product',
      contract: { ...productContract, operations: { getPrices } },
      routes: {
        getPrices: async ({ body, deadlineMs }: { body: { skus: string[] }; deadlineMs: number }) => {
          note('getPrices', deadlineMs);
          await neighbours.held?.();
          return { body: body.skus.flatMap((sku) => neighbours.catalogue.get(sku) ?? []) };
        },
      },
    }),
    defineService<never>({
      name: 'inventory',
      contract: { ...inventoryContract, operations: { getAvailability } },
      routes: {
        getAvailability: async ({ query, deadlineMs }: { query: { skus: string[] }; deadlineMs: number }) => {
          note('getAvailability', deadlineMs);
          const { stock } = neighbours;
          if (stock === 'down') throw fault('service.unavailable', 'The stock cannot be read.');
          return {
            body: query.skus.filter((sku) => stock.has(sku)).map((sku) => ({ sku, available: stock.get(sku) })),
          };
        },
      },
      commands: [
        commandHandler<typeof inventoryCommands.reserveStock, never>(inventoryCommands.reserveStock, {
          doMany: async (commands) => commands.map(() => neighbours.reservation),
          undoMany: async (commands) => commands.map(() => reserved),
        }),
        carriesOut(inventoryCommands.commitStock),
        carriesOut(inventoryCommands.restock),
      ],
    }),
    defineService<never>({
      name: 'payment',
      contract: { ...paymentContract, operations: {} },
      commands: [
        carriesOut(paymentCommands.authorisePayment, { paymentId: newId() }),
        carriesOut(paymentCommands.capturePayment, { paymentId: newId() }),
        carriesOut(paymentCommands.refundPayment),
        carriesOut(paymentCommands.releasePayment, { refunded: { amount: 0, currency: 'EUR' } }),
      ],
    }),
    defineService<never>({
      name: 'notification',
      contract: { service: 'notification', operations: {}, events: {}, commands: {}, errors: {} },
      reactions: [
        reactionToMany<typeof orderEvents.contactErased, never>(orderEvents.contactErased, async (messages) => {
          for (const { payload, cause } of messages)
            neighbours.erasedContacts.set(payload.contactId, cause.correlationId);
        }),
      ],
    }),
    defineService<never>({
      name: 'user',
      contract: { ...userContract, operations: { getContact } },
      routes: {
        getContact: async ({ params: { id }, deadlineMs }: { params: { id: string }; deadlineMs: number }) => {
          note('getContact', deadlineMs);
          return { body: { id, email: `${id}@customer.example`, name: 'A Customer', role: 'customer', active: true } };
        },
      },
    }),
    defineService<never>({
      name: 'shipping',
      contract: { ...shippingContract, operations: { quoteShipping } },
      commands: [carriesOut(shippingCommands.bookShipment), carriesOut(shippingCommands.cancelShipment)],
      routes: {
        quoteShipping: async ({ query, deadlineMs }: { query: { currency: string }; deadlineMs: number }) => {
          note('quoteShipping', deadlineMs);
          const price = { amount: 500, currency: query.currency };
          return { body: { code: 'standard', title: 'Standard', price, minDays: 2, maxDays: 4 } };
        },
      },
    }),
  ];
}
