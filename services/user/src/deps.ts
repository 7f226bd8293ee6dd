import type { userContract } from '@stoa/contracts/user';
import type { Handler } from '@stoa/platform/service';
import type { KeyRing } from './key-ring.ts';

/** What the service's code is given beside its database. */
export interface UserDeps {
  readonly keys: KeyRing;
  /** 32 bytes from which refresh tokens' successors and the tokens of password mails are derived. */
  readonly tokenKey: Buffer;
  /** How long "forgot password" takes, in milliseconds, whoever asks for whomever. */
  readonly forgotAnswerMs: number;
}

/** The handler of one of this service's operations. */
export type UserHandler<Name extends keyof (typeof userContract)['operations']> = Handler<
  (typeof userContract)['operations'][Name],
  UserDeps
>;
