import { join } from 'node:path';
import { type Environment, readSettings, setting } from '@stoa/platform/config';
import { fault } from '@stoa/platform/errors';
import { Email, validatorOf } from '@stoa/platform/schema';
import { headerText, type Shop } from './domain/letter.ts';

const portUsual = 3000;

export const notificationSettings = {
  STOA_SMTP_URL: setting.optional(
    setting.url({
      protocols: ['smtp', 'smtps'],
      secret: true,
      describe: 'the mail server; without it mails are files in the data directory',
    }),
  ),
  STOA_DATA_DIR: setting.text({ default: './.stoa', describe: 'embedded database, keys, mail' }),
  STOA_MAIL_FROM: setting.text({ default: 'shop@stoa.example', describe: 'the address that mails come from' }),
  STOA_SHOP_NAME: setting.text({
    default: 'Stoa',
    lengthMax: 100,
    describe: 'the name of the shop, as customers know it',
  }),
  STOA_PUBLIC_URL: setting.optional(
    setting.url({
      protocols: ['http', 'https'],
      describe: 'where customers find the shop, for links in mails; without it the gateway on this machine',
    }),
  ),
  PORT: setting.port({
    default: portUsual,
    describe: 'where the gateway listens, for links when nothing else is said',
  }),
};

export interface NotificationConfig {
  readonly smtpUrl: string | undefined;
  readonly mailFolder: string;
  /** `Stoa <shop@stoa.example>` */
  readonly from: string;
  readonly shop: Shop;
}

/** Reads the settings; throws `config.invalid` naming every wrong one. */
export function readConfig(environment: Environment): NotificationConfig {
  const values = readSettings(environment, notificationSettings);
  if (!validatorOf(Email).check(values.STOA_MAIL_FROM)) {
    throw fault('config.invalid', 'STOA_MAIL_FROM: must be an e-mail address');
  }
  const name = headerText(values.STOA_SHOP_NAME);
  // Where the gateway takes a free port, nobody knows yet which.
  const url = values.STOA_PUBLIC_URL ?? `http://localhost:${values.PORT || portUsual}`;
  return {
    smtpUrl: values.STOA_SMTP_URL,
    mailFolder: join(values.STOA_DATA_DIR, 'mail'),
    from: `"${name.replaceAll(/["\\]/g, '')}" <${values.STOA_MAIL_FROM}>`,
    shop: { name, url: url.replace(/\/+$/, '') },
  };
}
