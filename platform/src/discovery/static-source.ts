import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { type Environment, readSettings } from '../config/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { retryDelayMs } from './patience.ts';
import { urlSetting } from './settings.ts';
import type { Source } from './source.ts';
import { Trouble } from './trouble.ts';

export interface StaticSourceOptions {
  readonly environment: Environment;
  readonly defaultUrl: (service: string) => string;
  readonly log: Logger;
  /** For how long nobody may listen before that is said; 15 s unless given. */
  readonly startMs?: number;
}

const knockMsMax = 2_000;

/**
 * Instances as settings name them: they do not change while the process runs. A service that nobody listens for is told of in the log: settings may name a
 * wrong place, and the first to learn that should not be a customer.
 */
export function createStaticSource({ environment, defaultUrl, log, startMs }: StaticSourceOptions): Source {
  return {
    watch(service, hear) {
      const [urls = []] = Object.values(readSettings(environment, urlSetting(service, defaultUrl(service))));
      hear(urls);
      const trouble = new Trouble(log, service, startMs);
      const looking = new AbortController();
      void lookFor(urls, trouble, looking.signal);
      return {
        first: Promise.resolve(),
        problem: () => undefined,
        stop() {
          looking.abort();
          trouble.close();
        },
      };
    },
    close: async () => undefined,
  };
}

/** Knocks until somebody listens at one of the places. What becomes of them later is seen by calls. */
async function lookFor(urls: readonly string[], trouble: Trouble, signal: AbortSignal): Promise<void> {
  for (let failures = 0; !signal.aborted; failures++) {
    const reasons = await Promise.all(urls.map(knock));
    if (reasons.includes(undefined)) return trouble.tell(undefined);
    if (signal.aborted) return;
    trouble.tell(reasons.join('; '));
    await pause(retryDelayMs(failures), undefined, { signal, ref: false }).catch(() => undefined);
  }
}

/** Why nobody listens there; undefined when somebody does. */
function knock(url: string): Promise<string | undefined> {
  const { protocol, hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect({
      host: hostname.replace(/^\[|\]$/g, ''),
      port: Number(port) || (protocol === 'https:' ? 443 : 80),
      timeout: knockMsMax,
    });
    const end = (reason: string | undefined) => {
      socket.destroy();
      resolve(reason);
    };
    socket.once('connect', () => end(undefined));
    socket.once('timeout', () => end(`${url} does not answer`));
    socket.once('error', (error: NodeJS.ErrnoException) =>
      end(`${url} cannot be reached (${error.code ?? error.message})`),
    );
    socket.unref();
  });
}
