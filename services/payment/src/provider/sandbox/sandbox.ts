import { assert, fault } from '@stoa/platform/errors';
import { IdText, oneOf, Type, validatorOf } from '@stoa/platform/schema';
import type { Database } from '@stoa/platform/sql';
import type { ChargeAnswer, MoneyAnswer } from '../../domain/charge.ts';
import {
  approvePending,
  captureCharges,
  findCharges,
  type NewCharge,
  noteFailedCall,
  openCharges,
  refundCharge,
  type SandboxCharge,
  voidCharges,
} from '../../store/sandbox-charges.ts';
import type { Provider, WebhookNews } from '../provider.ts';
import { batched } from './batch.ts';
import { behaviourOf } from './tokens.ts';

/** The sandbox, which also plays the customer's bank that answers later. */
export interface Sandbox extends Provider {
  /** Decides a pending charge and says so in a webhook's body; undefined when there is nothing to say. */
  decide(key: string): Promise<Buffer | undefined>;
}

const webhook = validatorOf(Type.Object({ type: oneOf(['charge.authorised', 'charge.declined']), key: IdText }));

/**
 * A provider that needs no network. It plays the outside world: its books are durable, in a schema of their own, and never written together with ours.
 *
 * @param db the payment service's database, which lends it the place
 */
export function createSandbox(db: Database): Sandbox {
  const open = batched((charges: readonly NewCharge[]) => answerAll(charges, (asked) => openCharges(db, asked)));
  const close = batched((charges: readonly NewCharge[]) =>
    voidCharges(db, charges).then((keys) => charges.map(({ key }) => keys.has(key))),
  );
  const take = batched(async (captures: readonly { key: string; amount: number }[]): Promise<MoneyAnswer[]> => {
    const taken = await captureCharges(db, captures);
    const others = captures.filter(({ key }) => !taken.has(key)).map(({ key }) => key);
    const known = others.length > 0 ? await findCharges(db, others) : new Map<string, SandboxCharge>();
    // The same key again gives the same answer: a charge that is captured was captured by this key.
    return captures.map(({ key }) =>
      taken.has(key) || known.get(key)?.state === 'captured'
        ? { outcome: 'approved' }
        : { outcome: 'declined', detail: 'The bank refused the capture.' },
    );
  });

  /** The answers to charges: of the new ones as decided now, of the others as their keys were answered before. */
  async function answerAll(
    charges: readonly NewCharge[],
    enter: (charges: readonly NewCharge[]) => Promise<Set<string>>,
  ): Promise<ChargeAnswer[]> {
    const fresh = await enter(charges);
    const others = charges.filter(({ key }) => !fresh.has(key)).map(({ key }) => key);
    const known = others.length > 0 ? await findCharges(db, others) : new Map<string, SandboxCharge>();
    return charges.map((charge) => answerOf(known.get(charge.key) ?? charge));
  }

  return {
    name: 'sandbox',

    async authorise(request, signal) {
      const { state, detail, delayMs, losesAnswer, failsOnce, isDown } = behaviourOf(request.paymentToken);
      if (isDown) throw down();
      if (failsOnce && (await noteFailedCall(db, request.key)))
        throw fault('service.unavailable', 'The sandbox failed, as asked.');
      if (delayMs) await sleep(delayMs, signal);
      const answer = await open({
        ...request,
        state,
        code: state === 'declined' ? request.paymentToken : null,
        detail: detail ?? null,
      });
      if (losesAnswer) await sleep(Number.POSITIVE_INFINITY, signal);
      return answer;
    },

    async find(request) {
      if (behaviourOf(request.paymentToken).isDown) throw down();
      const charge = (await findCharges(db, [request.key])).get(request.key);
      return charge && answerOf(charge);
    },

    async void(request) {
      if (await close({ ...request, state: 'voided', code: null, detail: null })) return;
      const charge = (await findCharges(db, [request.key])).get(request.key);
      assert(charge?.state === 'declined', `charge ${request.key} is ${charge?.state} and cannot be voided`);
    },

    capture: ({ key, amount }) => take({ key, amount: amount.amount }),

    async refund({ key, charge, amount }) {
      const entered = await refundCharge(db, { key, charge, amount: amount.amount });
      return entered
        ? { outcome: 'approved' }
        : { outcome: 'declined', detail: 'There is not so much left of the charge.' };
    },

    async decide(key) {
      const charge = await approvePending(db, key);
      return charge?.state === 'authorised'
        ? Buffer.from(JSON.stringify({ type: 'charge.authorised', key }))
        : undefined;
    },

    readWebhook(body): WebhookNews | undefined {
      const news = parsed(body);
      if (!webhook.check(news)) return undefined;
      const declined: ChargeAnswer = { outcome: 'declined', detail: 'The bank declined the payment.' };
      return { key: news.key, answer: news.type === 'charge.authorised' ? { outcome: 'approved' } : declined };
    },
  };
}

function answerOf({ state, detail }: Pick<SandboxCharge, 'state' | 'detail'>): ChargeAnswer {
  if (state === 'pending') return { outcome: 'pending' };
  if (state === 'declined') return { outcome: 'declined', detail: detail ?? 'The card was declined.' };
  return state === 'voided' ? { outcome: 'declined', detail: 'The charge has been voided.' } : { outcome: 'approved' };
}

function down(): Error {
  return fault('service.unavailable', 'The sandbox is down, as asked.');
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

/** Waits, or throws once nobody waits any more. */
function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const giveUp = () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', giveUp, { once: true });
    const done = () => {
      signal.removeEventListener('abort', giveUp);
      resolve();
    };
    const timer = Number.isFinite(ms) ? setTimeout(done, ms) : undefined;
  });
}
