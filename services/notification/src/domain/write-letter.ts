import type { MailContent } from './content.ts';
import { greetingTo, type Letter, type Shop, text } from './letter.ts';
import {
  orderCancelledLetter,
  orderConfirmedLetter,
  orderRefundedLetter,
  orderRejectedLetter,
  orderShippedLetter,
} from './order-letters.ts';
import { spellTime } from './spelling.ts';

/** Whom a mail goes to, found out at the moment of sending and kept nowhere. */
export interface Recipient {
  readonly email: string;
  readonly name: string;
  /** Only for the mail with which a password is set. */
  readonly reset?: { readonly token: string; readonly expiresAt: string };
}

/** The letter about a content to a recipient. */
export function writeLetter(content: MailContent, recipient: Recipient, shop: Shop): Letter {
  const { name } = recipient;
  switch (content.template) {
    case 'order-confirmed':
      return orderConfirmedLetter(content, name);
    case 'order-rejected':
      return orderRejectedLetter(content, name);
    case 'order-cancelled':
      return orderCancelledLetter(content, name);
    case 'order-shipped':
      return orderShippedLetter(content, name);
    case 'order-refunded':
      return orderRefundedLetter(content, name);
    case 'password-reset':
      return passwordResetLetter(recipient, shop);
  }
}

function passwordResetLetter({ name, reset }: Recipient, shop: Shop): Letter {
  if (reset === undefined) throw new Error('a password mail needs the token of the reset');
  return {
    subject: `Set your password at ${shop.name}`,
    greeting: greetingTo(name),
    blocks: [
      text('Somebody, hopefully you, asked to set the password of your account.'),
      // Behind the #, the token reaches no server's log and no referrer.
      {
        kind: 'link',
        label: 'Set a password',
        url: `${shop.url}/reset-password#token=${encodeURIComponent(reset.token)}`,
      },
      text(`The link is good until ${spellTime(reset.expiresAt)}. If it was not you, do nothing: nothing has changed.`),
    ],
  };
}
