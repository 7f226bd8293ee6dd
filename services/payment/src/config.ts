import { randomBytes } from 'node:crypto';
import { type Environment, readSettings, setting } from '@stoa/platform/config';

/** What the payment service reads from the environment. */
export const paymentSettings = {
  STOA_PAYMENT_WEBHOOK_SECRET: setting.optional(
    setting.text({
      describe:
        'the secret with which the payment provider signs its webhooks; made up at every start when it is missing',
      secret: true,
      lengthMin: 16,
    }),
  ),
  STOA_PAYMENT_LOOK_UP_AFTER: setting.durationMs({
    default: 60_000,
    min: 100,
    describe: "how long to wait for a provider's webhook before asking the provider",
  }),
  STOA_PAYMENT_SANDBOX_WEBHOOK_DELAY: setting.durationMs({
    default: 300,
    describe: 'how long the sandbox provider takes to answer by webhook',
  }),
};

export interface PaymentConfig {
  readonly webhookSecret: string;
  readonly lookUpAfterMs: number;
  readonly sandboxWebhookDelayMs: number;
}

/** @throws AppError `config.invalid` naming every setting that is wrong */
export function readConfig(environment: Environment): PaymentConfig {
  const values = readSettings(environment, paymentSettings);
  return {
    webhookSecret: values.STOA_PAYMENT_WEBHOOK_SECRET ?? randomBytes(32).toString('hex'),
    lookUpAfterMs: values.STOA_PAYMENT_LOOK_UP_AFTER,
    sandboxWebhookDelayMs: values.STOA_PAYMENT_SANDBOX_WEBHOOK_DELAY,
  };
}
