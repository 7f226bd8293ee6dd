import { checkPasswordRules } from '@stoa/platform/auth';
import { type Environment, readSettings, setting } from '@stoa/platform/config';
import { Email, validatorOf } from '@stoa/platform/schema';

/** What the user service reads from the environment. */
export const userSettings = {
  STOA_ADMIN_EMAIL: setting.optional({
    ...setting.text({ describe: 'the e-mail address of the first admin; `admin@stoa.local` when it is missing' }),
    expects: 'an e-mail address',
    read: (text) => (validatorOf(Email).check(text) ? text : undefined),
  }),
  STOA_ADMIN_PASSWORD: setting.optional({
    ...setting.text({
      describe: 'the password of the first admin; made up and printed once when it is missing',
      secret: true,
    }),
    expects: 'a password of 8 to 128 characters, none of the common ones',
    read: (text) => (checkPasswordRules(text).length === 0 ? text : undefined),
  }),
};

/** Whom to make the first admin. What is undefined is made up, and told once. */
export interface FirstAdmin {
  readonly email: string | undefined;
  readonly password: string | undefined;
}

/** @throws AppError `config.invalid` naming every setting that is wrong */
export function readFirstAdmin(environment: Environment): FirstAdmin {
  const { STOA_ADMIN_EMAIL: email, STOA_ADMIN_PASSWORD: password } = readSettings(environment, userSettings);
  return { email, password };
}
