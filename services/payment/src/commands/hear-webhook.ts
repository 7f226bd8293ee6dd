import { type paymentContract, webhookSignatureHeader } from '@stoa/contracts/payment';
import { verifyWebhook } from '@stoa/platform/auth';
import { refusal } from '@stoa/platform/errors';
import { crashPoint } from '@stoa/platform/lifecycle';
import type { PaymentDeps, PaymentHandler } from '../deps.ts';
import type { WebhookNews } from '../provider/provider.ts';
import { settle } from '../settle-authorisations.ts';

type HearWebhook = typeof paymentContract.operations.hearWebhook;

/** Hears the provider. Answered once what it says is committed; heard before, late or about nothing of ours it changes nothing. */
export const hearWebhook: PaymentHandler<HearWebhook> = async (call, service) => {
  const { provider } = service.deps;
  if (call.params.provider !== provider.name)
    throw refusal('payment.unknown-provider', 'No provider of this name is set up.');
  const chunks: Buffer[] = [];
  for await (const chunk of call.stream ?? []) chunks.push(chunk as Buffer);
  const nowS = Math.floor(service.clock.nowMs() / 1000);
  const news = readWebhook(service.deps, {
    signature: call.headers[webhookSignatureHeader],
    body: Buffer.concat(chunks),
    nowS,
  });
  crashPoint('webhook.before-commit');
  if (news)
    await service.db.transaction((tx) => settle([{ paymentId: news.key, answer: news.answer, tries: 1 }], tx, service));
  crashPoint('webhook.before-answer');
  return {};
};

/** What a webhook says, once its bytes are proven to be the provider's. @throws AppError `auth.invalid` for a bad or old signature */
export function readWebhook(
  { config, provider }: PaymentDeps,
  { signature, body, nowS }: { signature: string | undefined; body: Buffer; nowS: number },
): WebhookNews | undefined {
  verifyWebhook(config.webhookSecret, signature, body, { nowS });
  return provider.readWebhook(body);
}
