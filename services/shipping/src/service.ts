import { shippingContract } from '@stoa/contracts/shipping';
import { defineService } from '@stoa/platform/service';
import { bookShipment, cancelShipment } from './bookings.ts';
import { methodsFor, quote } from './methods.ts';

/** How goods are sent and what it costs; books what is to be sent. */
export const shipping = defineService<undefined>({
  name: 'shipping',
  contract: shippingContract,
  migrations: new URL('../migrations/', import.meta.url),
  routes: {
    listShippingMethods: async ({ query }: { query: { currency?: string } }) => ({ body: methodsFor(query) }),
    quoteShipping: async ({ query }: { query: { currency: string; method?: string } }) => ({ body: quote(query) }),
  },
  commands: [bookShipment, cancelShipment],
});
