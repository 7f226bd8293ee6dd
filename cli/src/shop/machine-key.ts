import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gatewayContract } from '@stoa/contracts/gateway';
import { userContract } from '@stoa/contracts/user';
import type { Environment } from '@stoa/platform/config';
import { cliError } from '../cli-error.ts';
import { dataDirOf, readCredentials, readJson } from './credentials.ts';
import type { Shop } from './shop.ts';
import { ShopError } from './shop-error.ts';

interface KeptKey {
  readonly url: string;
  readonly key: string;
}

/**
 * Lets a command that makes thousands of calls speak with a machine's key instead of a person's token, which is limited to a thousand calls a minute.
 * The key is made once and kept beside the shop's data, because Idempotency-Keys belong to their caller: a replay that was killed has to come back as the
 * same one.
 */
export async function speakWithMachineKey(shop: Shop, environment: Environment): Promise<void> {
  if (environment.STOA_API_KEY) return;
  const folder = dataDirOf(environment);
  const file = join(folder, 'replay-key.json');
  const kept = await readJson<KeptKey>(file);
  const { origin } = shop.url;
  if (kept?.url === origin && (await isGood(shop, kept.key, environment))) return;
  const { id, key } = await shop.call(userContract.operations.createApiKey, {
    body: { name: 'stoa replay', role: 'admin' },
  });
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(file, `${JSON.stringify({ url: origin, key } satisfies KeptKey, null, 2)}\n`, { mode: 0o600 });
  } catch (error) {
    // An admin's key that nobody has would be good for ever.
    await shop.call(userContract.operations.deleteApiKey, { params: { id } }).catch(() => undefined);
    throw cliError(
      'usage',
      `STOA_DATA_DIR: ${file} cannot be written (${(error as Error).message}): name another folder`,
    );
  }
  shop.speakAs({ kind: 'key', key });
}

async function isGood(shop: Shop, key: string, environment: Environment): Promise<boolean> {
  shop.speakAs({ kind: 'key', key });
  try {
    await shop.call(gatewayContract.operations.listServices, {});
    return true;
  } catch (error) {
    if (!(error instanceof ShopError) || error.status !== 401) throw error;
    shop.speakAs(await readCredentials(environment, shop.url));
    return false;
  }
}
