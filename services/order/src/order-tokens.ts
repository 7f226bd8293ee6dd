import { randomBytes } from 'node:crypto';
import { signReference, verifyReference } from '@stoa/platform/auth';
import type { Database } from '@stoa/platform/sql';

/** Makes and checks the tokens by which guests prove that an order or a cart is theirs. The same one has the same token, so it need not be stored. */
export class OrderTokens {
  readonly #key: Buffer;

  constructor(key: Buffer) {
    this.#key = key;
  }

  /** Uses the key in the database; makes one when there is none. */
  static async open(db: Database): Promise<OrderTokens> {
    await db.query(`insert into secret (name, value) values ('order tokens', $1) on conflict (name) do nothing`, [
      randomBytes(32),
    ]);
    const [row] = await db.query<{ value: Buffer }>(`select value from secret where name = 'order tokens'`, []);
    return new OrderTokens((row as { value: Buffer }).value);
  }

  /** Says which order it is for, so that it is all a guest needs. */
  tokenOf(orderId: string): string {
    return `${orderId}.${signReference(this.#key, 'order', orderId)}`;
  }

  proves(token: string | undefined, orderId: string): boolean {
    return token !== undefined && this.orderOf(token) === orderId;
  }

  /** The order that the token was given for; undefined when it was not given by this shop. */
  orderOf(token: string): string | undefined {
    const [orderId = '', signature = ''] = token.split('.');
    return verifyReference(this.#key, 'order', orderId, signature) ? orderId : undefined;
  }

  cartTokenOf(cartId: string): string {
    return signReference(this.#key, 'cart', cartId);
  }

  provesCart(token: string | undefined, cartId: string): boolean {
    return token !== undefined && verifyReference(this.#key, 'cart', cartId, token);
  }
}
