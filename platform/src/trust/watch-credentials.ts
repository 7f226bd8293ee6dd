import type { Logger } from '../telemetry/index.ts';
import type { Clock } from '../time/index.ts';
import {
  type CredentialFiles,
  type Credentials,
  checkCredentials,
  type Found,
  readCredentialFiles,
} from './credentials.ts';

export interface WatchOptions {
  readonly folder: string;
  /** What our certificate has to name. */
  readonly names: readonly string[];
  readonly first: Credentials;
  readonly clock: Clock;
  readonly log: Logger;
  readonly pollMs: number;
}

/** Certificates of a folder, kept up with what is in it. */
export interface WatchedCredentials {
  /** The newest good ones. */
  current(): Credentials;
  onRenewed(hear: (renewed: Credentials) => void): void;
  /** Why somebody should look; undefined while all is well. */
  concern(): string | undefined;
  close(): void;
}

type Level = 'none' | 'refused' | 'soon' | 'ended';

const soonMs = 7 * 86_400_000;

/**
 * Reads the folder every few seconds: the files are small, and whether they are copied, moved there or are symbolic links that Kubernetes swaps, what
 * is read is what holds. Watching for changes instead would miss some of these. New files that do not fit together leave the last good ones in use.
 */
export function watchCredentials(options: WatchOptions): WatchedCredentials {
  const { folder, names, clock, log, pollMs } = options;
  const listeners: ((renewed: Credentials) => void)[] = [];
  let current = options.first;
  /** What the last look found that could not be used. */
  let odd = '';
  let refused: string | undefined;
  let told: Level = 'none';
  let isClosed = false;
  let timer = setTimeout(look, pollMs).unref();

  async function look(): Promise<void> {
    const read = await readCredentialFiles(folder);
    if (isClosed) return;
    take(read);
    tell();
    timer = setTimeout(look, pollMs).unref();
  }

  function take(read: Found<CredentialFiles>): void {
    if ('value' in read && isSame(read.value, current)) {
      [odd, refused] = ['', undefined];
      return;
    }
    const checked = 'value' in read ? checkCredentials(read.value, { folder, names, nowMs: clock.nowMs() }) : read;
    if ('value' in checked) {
      current = checked.value;
      [odd, refused] = ['', undefined];
      log.info({ folder, expiresAt: new Date(current.expiresAtMs).toISOString() }, 'certificate renewed');
      for (const hear of listeners) hear(current);
      return;
    }
    // Files that are being written do not fit together for a moment: only what is found twice is believed.
    const found = JSON.stringify(read);
    if (found === odd)
      refused = `The new files are not used, the last good ones still are: ${checked.problems.join(' ')}`;
    odd = found;
  }

  function level(): Level {
    const leftMs = current.expiresAtMs - clock.nowMs();
    if (leftMs <= 0) return 'ended';
    if (refused !== undefined) return 'refused';
    return leftMs < soonMs ? 'soon' : 'none';
  }

  function concern(): string | undefined {
    const at = new Date(current.expiresAtMs).toISOString();
    switch (level()) {
      case 'none':
        return undefined;
      case 'refused':
        return refused;
      case 'soon':
        return `The certificate in ${folder} ends at ${at}: put a new one there, no restart is needed.`;
      case 'ended':
        return `The certificate in ${folder} ended at ${at}: nobody will talk to this process until there is a new one. ${refused ?? ''}`.trimEnd();
    }
  }

  /** Once for each change. */
  function tell(): void {
    const now = level();
    if (now === told) return;
    told = now;
    if (now !== 'none') log[now === 'ended' ? 'error' : 'warn']({ folder }, concern());
  }

  tell();
  return {
    current: () => current,
    onRenewed: (hear) => void listeners.push(hear),
    concern,
    close() {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}

function isSame(a: CredentialFiles, b: CredentialFiles): boolean {
  return a.cert === b.cert && a.key === b.key && a.ca === b.ca;
}
