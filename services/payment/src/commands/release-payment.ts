import { paymentCommands } from '@stoa/contracts/payment-messages';
import { commandHandler } from '@stoa/platform/service';
import type { PaymentDeps } from '../deps.ts';
import { giveBackTo } from './give-back.ts';
import { refuseUndo } from './refuse-undo.ts';

/** Gives everything of a cancelled order back. */
export const releasePayment = commandHandler<typeof paymentCommands.releasePayment, PaymentDeps>(
  paymentCommands.releasePayment,
  {
    later: true,
    doMany: (commands, tx, service) => giveBackTo(commands, 'release', tx, service),
    undoMany: refuseUndo,
  },
);
