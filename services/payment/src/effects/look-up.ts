import { defineEffect } from '@stoa/platform/effect';
import type { PaymentDeps } from '../deps.ts';
import type { ChargeAnswer, ChargeRequest } from '../domain/charge.ts';
import { settle } from '../settle-authorisations.ts';
import { answered } from './answered.ts';
import { effectNames } from './requests.ts';

/** Asks the provider what became of a payment whose webhook has not come. */
export const lookUp = defineEffect<ChargeRequest, ChargeAnswer | null, PaymentDeps>({
  name: effectNames.lookUp,
  concurrency: 8,
  timeoutMs: 5_000,
  attemptsMax: 3,
  retryDelayMs: 500,

  perform: async ({ payload }, { provider }, signal) =>
    (await answered(provider.find(payload, signal), signal)) ?? null,

  async complete(done, tx, service) {
    const news = done.flatMap(({ effect, result }) =>
      result === null || result.outcome === 'pending'
        ? []
        : [{ paymentId: effect.id, answer: result, tries: effect.attempt }],
    );
    if (news.length > 0) await settle(news, tx, service);
  },

  async giveUp() {
    // The job asks again after its time.
  },
});
