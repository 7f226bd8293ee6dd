import { paymentCommands } from '@stoa/contracts/payment-messages';
import { refusal } from '@stoa/platform/errors';
import { money } from '@stoa/platform/money';
import { commandStep, localStep, type SagaView, saga } from '@stoa/platform/saga';
import { contract } from '@stoa/platform/schema';
import { defineService } from '@stoa/platform/service';

/** How a saga of the shop came to its end. */
export interface Ended {
  readonly outputs: Readonly<Record<string, unknown>>;
  readonly failure?: { readonly code: string; readonly detail: string };
}

export interface Input {
  readonly orderId: string;
  readonly amount: number;
  readonly paymentToken: string;
  readonly refundId: string;
  readonly refundedAt: string;
  /** Fails after the step, so that the step is undone. */
  readonly thenFails: boolean;
}

type View = SagaView<Input>;

/** The ends of the sagas of all shops of this process, by key. */
export const ends = new Map<string, Ended>();

const commands = {
  authorise: commandStep({
    name: 'authorise',
    command: paymentCommands.authorisePayment,
    payload: ({ input }: View) => ({
      orderId: input.orderId,
      amount: money(input.amount, 'EUR'),
      paymentToken: input.paymentToken,
    }),
    undoable: true,
    timeoutMs: 60_000,
  }),
  capture: commandStep({
    name: 'capture',
    command: paymentCommands.capturePayment,
    payload: ({ input }: View) => ({ orderId: input.orderId, amount: money(input.amount, 'EUR') }),
    undoable: false,
    timeoutMs: 60_000,
  }),
  refund: commandStep({
    name: 'refund',
    command: paymentCommands.refundPayment,
    payload: ({ input }: View) => ({
      orderId: input.orderId,
      refundId: input.refundId,
      amount: money(input.amount, 'EUR'),
      refundedAt: input.refundedAt,
    }),
    undoable: false,
    timeoutMs: 60_000,
  }),
  release: commandStep({
    name: 'release',
    command: paymentCommands.releasePayment,
    payload: ({ input }: View) => ({ orderId: input.orderId }),
    undoable: false,
    timeoutMs: 60_000,
  }),
};

const failIfAsked = localStep({
  name: 'fail if asked',
  do({ input }: View) {
    if (input.thenFails) throw refusal('test.failed', 'as asked');
  },
});

/** Sends the payment service its commands, one a saga. */
export const shop = defineService<never>({
  name: 'shop',
  contract: contract({ service: 'shop', operations: {}, events: {}, commands: {}, errors: {} }),
  sagas: Object.entries(commands).map(([name, step]) =>
    saga<Input, undefined, never>(name)
      .step(step)
      .step(failIfAsked)
      .build({
        timeoutMs: 120_000,
        load: async () => new Map(),
        failed: ({ key, outputs, failure }) =>
          void ends.set(key, { outputs, ...(failure && { failure: { code: failure.code, detail: failure.detail } }) }),
        completed: ({ key, outputs }) => void ends.set(key, { outputs }),
      }),
  ),
});
