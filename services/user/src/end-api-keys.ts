import type { Id } from '@stoa/platform/ids';
import { announceApiKeyRevoked, type Occasion } from './announce.ts';
import { revokeApiKeysOf } from './store/api-keys.ts';

/** Takes back the machine keys of an admin who is none any more, and tells whoever verifies them. */
export async function endApiKeysOf(occasion: Occasion, accountId: Id): Promise<void> {
  for (const { id: keyId, revokedAt } of await revokeApiKeysOf(occasion.tx, accountId)) {
    announceApiKeyRevoked(occasion, { keyId, revokedAt });
  }
}
