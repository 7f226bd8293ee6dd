import type { Money } from '@stoa/platform/money';
import type { ChargeAnswer, ChargeRequest, MoneyAnswer } from '../domain/charge.ts';

/**
 * A payment provider. Every call is idempotent by the key given with it. A call that throws, or is aborted, leaves its outcome unknown: it may
 * have been carried out. Calls are repeated until an outcome is known.
 */
export interface Provider {
  readonly name: string;
  /** Sets the amount aside. */
  authorise(request: ChargeRequest, signal: AbortSignal): Promise<ChargeAnswer>;
  /** What became of an earlier `authorise` with this key; undefined when the provider has never heard of it. */
  find(request: ChargeRequest, signal: AbortSignal): Promise<ChargeAnswer | undefined>;
  /**
   * Lets go of what was set aside under the key, and sees to it that an `authorise` with the key that is still on its way takes nothing. (Where a
   * provider cannot void what it does not know, as Stripe, its adapter creates the charge with the same key and cancels that.)
   */
  void(request: ChargeRequest, signal: AbortSignal): Promise<void>;
  /** Takes the money, at most once a charge. */
  capture(request: { readonly key: string; readonly amount: Money }, signal: AbortSignal): Promise<MoneyAnswer>;
  /** Gives part of what was captured back. `key` is the refund's, `charge` the payment's. */
  refund(
    request: { readonly key: string; readonly charge: string; readonly amount: Money },
    signal: AbortSignal,
  ): Promise<MoneyAnswer>;
  /** Reads a webhook whose bytes have been proven genuine; undefined for one that does not concern us. */
  readWebhook(body: Buffer): WebhookNews | undefined;
}

/** What a webhook says about a charge. */
export interface WebhookNews {
  readonly key: string;
  readonly answer: ChargeAnswer;
}
