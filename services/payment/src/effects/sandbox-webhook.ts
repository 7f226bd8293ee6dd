import { signWebhook } from '@stoa/platform/auth';
import { defineEffect } from '@stoa/platform/effect';
import { readWebhook } from '../commands/hear-webhook.ts';
import type { PaymentDeps } from '../deps.ts';
import { settle } from '../settle-authorisations.ts';
import { effectNames, triesWithoutEnd } from './requests.ts';

interface Delivery {
  readonly body: string;
  readonly signature: string;
}

/** The sandbox's own delivery of its webhooks: the same signed bytes through the same check as one that comes from outside. */
export const sandboxWebhook = defineEffect<{ readonly key: string }, Delivery | null, PaymentDeps>({
  name: effectNames.sandboxWebhook,
  concurrency: 8,
  timeoutMs: 5_000,
  attemptsMax: triesWithoutEnd,
  retryDelayMs: 500,

  async perform({ payload }, { config, provider }) {
    const body = await provider.decide(payload.key);
    if (body === undefined) return null;
    const nowS = Math.floor(Date.now() / 1000);
    return { body: body.toString('utf8'), signature: signWebhook(config.webhookSecret, body, nowS) };
  },

  async complete(done, tx, service) {
    const nowS = Math.floor(service.clock.nowMs() / 1000);
    const news = done.flatMap(({ result }) => {
      if (result === null) return [];
      const heard = readWebhook(service.deps, { signature: result.signature, body: Buffer.from(result.body), nowS });
      return heard ? [{ paymentId: heard.key, answer: heard.answer, tries: 1 }] : [];
    });
    if (news.length > 0) await settle(news, tx, service);
  },

  async giveUp() {
    // A webhook that was never delivered is lost; the look-up finds out.
  },
});
