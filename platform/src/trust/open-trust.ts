import { fault } from '../errors/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { type Clock, systemClock } from '../time/index.ts';
import { createSecretTrust } from './secret-trust.ts';
import type { Trust } from './trust.ts';
import type { TrustSettings } from './trust-settings.ts';

export interface TrustOptions {
  /** Names of the services of this process. */
  readonly hosted: readonly string[];
  readonly log: Logger;
  readonly clock?: Clock;
}

/**
 * Reads what this process proves itself with.
 *
 * @throws AppError `config.invalid` with a line for each thing that is wrong, which says what to do
 */
export async function openTrust(settings: TrustSettings, options: TrustOptions): Promise<Trust> {
  const { STOA_SERVICE_SECRET: secrets } = settings;
  if (secrets.length === 0)
    throw fault(
      'config.invalid',
      'Processes of one shop have to know each other: set STOA_TLS_DIR to a folder with certificates (npx stoa certs makes them), or STOA_SERVICE_SECRET to the same 32 characters or more in all of them.',
    );
  return createSecretTrust(secrets, options.clock ?? systemClock);
}
