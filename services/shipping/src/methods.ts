import type { ShippingMethod } from '@stoa/contracts/shipping';
import { refusal } from '@stoa/platform/errors';

/** One flat rate to everywhere, in minor units of the currencies the shop knows; others pay the amount for `other`. */
const flatRate: Readonly<Record<string, number>> = { EUR: 490, GBP: 450, USD: 590, CHF: 690 };
const otherRate = 590;

/** The ways of sending goods, the cheapest first. */
export function methodsFor({ currency = 'EUR' }: { currency?: string | undefined }): ShippingMethod[] {
  return [
    {
      code: 'standard',
      title: 'Standard delivery',
      price: { amount: flatRate[currency] ?? otherRate, currency },
      minDays: 2,
      maxDays: 5,
    },
  ];
}

/** The method asked for, or the cheapest. */
export function quote(asked: { currency: string; method?: string | undefined }): ShippingMethod {
  const methods = methodsFor(asked);
  const found = asked.method === undefined ? methods[0] : methods.find((method) => method.code === asked.method);
  if (found) return found;
  const codes = methods.map((method) => method.code).join(', ');
  throw refusal('shipping.unknown-method', `There is no shipping method ${asked.method}; there is ${codes}.`, {
    errors: [{ path: '/shippingMethod', message: `is not one of ${codes}` }],
  });
}
