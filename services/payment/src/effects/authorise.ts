import { defineEffect } from '@stoa/platform/effect';
import type { PaymentDeps } from '../deps.ts';
import type { ChargeAnswer, ChargeRequest } from '../domain/charge.ts';
import { settle } from '../settle-authorisations.ts';
import { answered } from './answered.ts';
import { effectNames } from './requests.ts';

/**
 * Asks the provider to set the money aside. After a try without an answer the provider is asked first what became of it, and what it took is kept.
 * All tries together take less than 15 s.
 */
export const authorise = defineEffect<ChargeRequest, ChargeAnswer, PaymentDeps>({
  name: effectNames.authorise,
  concurrency: 64,
  timeoutMs: 3_000,
  attemptsMax: 4,
  retryDelayMs: 150,

  async perform({ payload, attempt }, { provider }, signal) {
    const found = attempt > 1 ? await answered(provider.find(payload, signal), signal) : undefined;
    return found ?? answered(provider.authorise(payload, signal), signal);
  },

  complete: (done, tx, service) =>
    settle(
      done.map(({ effect, result }) => ({ paymentId: effect.id, answer: result, tries: effect.attempt })),
      tx,
      service,
    ),

  giveUp: ({ id, attempt }, _reason, tx, service) =>
    settle([{ paymentId: id, answer: { outcome: 'unknown' }, tries: attempt }], tx, service),
});
