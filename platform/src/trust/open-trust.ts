import { fault } from '../errors/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { type Clock, systemClock } from '../time/index.ts';
import { createSecretTrust } from './secret-trust.ts';
import { openTlsTrust } from './tls-trust.ts';
import type { Trust } from './trust.ts';
import type { TrustSettings } from './trust-settings.ts';

export interface TrustOptions {
  /** Names of the services of this process. */
  readonly hosted: readonly string[];
  readonly log: Logger;
  readonly clock?: Clock;
  /** How often the files are looked at, in milliseconds; 3,000 unless given. */
  readonly pollMs?: number;
  /** How long connections still stand whose authority has been taken out of ca.pem, in milliseconds; 10,000 unless given. */
  readonly graceMs?: number;
  /**
   * Whether servers refuse connections without a certificate of ours; true unless given. Where something else has to be let in too, `callerOf` still
   * believes none but those with one.
   */
  readonly requireClientCertificate?: boolean;
}

/**
 * Reads what this process proves itself with: its certificate when STOA_TLS_DIR is set, otherwise the secret.
 *
 * @throws AppError `config.invalid` with a line for each thing that is wrong, which says what to do
 */
export async function openTrust(settings: TrustSettings, options: TrustOptions): Promise<Trust> {
  const { STOA_TLS_DIR: folder, STOA_SERVICE_SECRET: secrets } = settings;
  const {
    clock = systemClock,
    hosted,
    log,
    pollMs = 3_000,
    graceMs = 10_000,
    requireClientCertificate = true,
  } = options;
  if (folder !== undefined) {
    return openTlsTrust({ folder, hosted, log, clock, pollMs, graceMs, requireClientCertificate });
  }
  if (secrets.length === 0)
    throw fault(
      'config.invalid',
      'Processes of one shop have to know each other: set STOA_TLS_DIR to a folder with certificates (npx stoa certs makes them), or STOA_SERVICE_SECRET to the same 32 characters or more in all of them.',
    );
  return createSecretTrust(secrets, clock);
}
