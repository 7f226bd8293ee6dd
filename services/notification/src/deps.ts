import type { Asker, Operation } from '@stoa/platform/schema';
import type { Handler, Reaction, Service } from '@stoa/platform/service';
import type { Database } from '@stoa/platform/sql';
import type { Shop } from './domain/letter.ts';
import type { Recipient } from './domain/write-letter.ts';
import type { Mailer } from './mail/mailer.ts';

/** Where to ask for the recipient of a mail. */
export type Addressee =
  | { readonly kind: 'order-contact'; readonly contactId: string }
  | { readonly kind: 'password-reset'; readonly resetId: string };

export interface NotificationDeps {
  readonly db: Database;
  readonly mailer: Mailer;
  readonly mailFolder: string;
  readonly shop: Shop;
  /** Asks the owner of the contact; undefined when there is nobody any more. */
  readonly resolveRecipient: (addressee: Addressee, asker: Asker) => Promise<Recipient | undefined>;
}

export type NotificationService = Service<NotificationDeps>;
export type NotificationReaction = Reaction<NotificationDeps>;
export type NotificationHandler<O extends Operation> = Handler<O, NotificationDeps>;
