import { setTimeout as pause } from 'node:timers/promises';
import { fault } from '../errors/index.ts';
import type { Logger } from '../telemetry/index.ts';
import type { ConsulApi, ConsulAsk } from './consul-api.ts';
import type { Registration } from './source.ts';

export interface ConsulInstance {
  /** What the service is called in Consul. */
  readonly name: string;
  readonly url: string;
  readonly log: Logger;
  /** By which this process knows the registration as its own. */
  readonly mark: string;
  /** Why it takes no requests now; undefined when it does. */
  readonly problem?: () => Promise<string | undefined>;
}

interface Place {
  readonly id: string;
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Tells this registration from one that another process made at the same place. */
  readonly mark: string;
}

interface AgentService {
  readonly ID: string;
  readonly Service: string;
  readonly Address: string;
  readonly Port: number;
  readonly Meta: Readonly<Record<string, string>> | null;
}

interface AgentHealth {
  readonly AggregatedStatus: string;
  readonly Service: AgentService;
  readonly Checks: readonly { readonly Output: string }[] | null;
}

/** How often Consul looks whether the instance is well, and we whether Consul still has it. */
const checkMs = 2_000;
/** An instance that says nothing for so long is not well: it stands still, or is cut off. Two words may be lost. */
const silenceMsMax = 5_000;
/** Whoever cannot say in time whether it is ready is not. */
const problemMsMax = 1_500;
const markName = 'stoa-process';
/** A process that stops does not wait for a Consul that hangs. */
const leaveMsMax = 1_500;
const alsoAnswers = [404, 429, 503];

/**
 * Registers an instance with the agent of this machine, and again whenever the agent has lost it: it may be restarted without its data. Others
 * see the instance once its first check passes.
 *
 * @throws AppError `config.invalid` when another service is registered at the same place
 */
export async function registerInConsul(
  api: ConsulApi,
  { name, url, log, mark, problem = async () => undefined }: ConsulInstance,
): Promise<Registration> {
  const place = placeOf(name, url, mark);
  await refuseNeighbours(api, place, log);
  await put(api, place, url);

  const stopping = new AbortController();
  const { signal } = stopping;
  let isOurs = true;
  let wasPassing = true;

  /** Tells Consul how the instance is, where Consul cannot look for itself. */
  async function tell(): Promise<void> {
    if (!saysItself(url)) return;
    const reason = await Promise.race([
      problem(),
      pause(problemMsMax, 'it does not know in time', { ref: false }),
    ]).catch(() => 'it could not be found out');
    if (!signal.aborted) await report(api, place.id, reason, signal);
  }

  async function look(): Promise<void> {
    const health = await healthOf(api, place.id, { signal });
    if (signal.aborted) return;
    if (health === undefined) {
      log.warn({ service: name, url }, 'Consul has lost this instance; it is registered again');
      await put(api, place, url, signal);
    } else if (health.Service.Meta?.[markName] !== place.mark) {
      isOurs = false;
      log.error(
        { service: name, url },
        'another process has registered the same service at the same address: give each its own STOA_ADVERTISE_HOST or port',
      );
    } else {
      const isPassing = health.AggregatedStatus === 'passing';
      if (wasPassing && !isPassing)
        log.warn(
          { service: name, url, output: health.Checks?.map(({ Output }) => Output).join('; ') },
          "Consul's check of this instance does not pass: it gets no calls",
        );
      wasPassing = isPassing;
    }
  }

  const keeping = (async () => {
    while (isOurs) {
      // What cannot be asked now is asked again; the watches say in the log that Consul is away.
      await tell().catch(() => undefined);
      await pause(checkMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      await look().catch(() => undefined);
    }
  })();

  return {
    async deregister() {
      stopping.abort();
      await keeping;
      const health = await healthOf(api, place.id, { timeoutMs: leaveMsMax });
      if (health === undefined || health.Service.Meta?.[markName] !== place.mark) return;
      await remove(api, place.id);
    },
  };
}

function placeOf(name: string, url: string, mark: string): Place {
  const { hostname, port, protocol } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  const number = port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
  return { id: `${name}-${host}-${number}`, name, host, port: number, mark };
}

async function put(api: ConsulApi, place: Place, url: string, signal?: AbortSignal): Promise<void> {
  const { host, port } = place;
  const every = { Interval: `${checkMs}ms`, Timeout: `${checkMs}ms` };
  const checks = saysItself(url)
    ? [
        { CheckID: wordOf(place.id), Name: 'ready', TTL: `${silenceMsMax}ms` },
        { Name: 'open', TCP: `${host.includes(':') ? `[${host}]` : host}:${port}`, ...every },
      ]
    : [{ Name: 'ready', HTTP: new URL('/health/ready', url).href, ...every }];
  await api.ask('/v1/agent/service/register?replace-existing-checks=true', {
    method: 'PUT',
    ...(signal && { signal }),
    body: {
      ID: place.id,
      Name: place.name,
      Address: host,
      Port: port,
      Meta: { [markName]: place.mark },
      // The shortest that Consul knows. An instance that is only unwell for longer comes back by itself.
      Checks: checks.map((check) => ({ ...check, DeregisterCriticalServiceAfter: '1m' })),
    },
  });
}

/** Under mutual TLS Consul has no certificate to show: it sees whether the door is open, and the instance says whether it is ready. */
const saysItself = (url: string) => url.startsWith('https:');

/** The check that the instance itself passes or fails. */
const wordOf = (id: string) => `${id}-ready`;

async function report(api: ConsulApi, id: string, problem: string | undefined, signal: AbortSignal): Promise<void> {
  await api.ask(`/v1/agent/check/update/${encodeURIComponent(wordOf(id))}`, {
    method: 'PUT',
    signal,
    body: problem === undefined ? { Status: 'passing' } : { Status: 'critical', Output: problem },
  });
}

/** Two services at one address: the ports were mixed up. What a dead process has left there is cleared away. */
async function refuseNeighbours(api: ConsulApi, place: Place, log: Logger): Promise<void> {
  const { body } = await api.ask('/v1/agent/services');
  const all = Object.values((body ?? {}) as Readonly<Record<string, AgentService>>);
  const others = all.filter(
    ({ Service, Address, Port }) => Address === place.host && Port === place.port && Service !== place.name,
  );
  for (const { ID, Service } of others) {
    const health = await healthOf(api, ID);
    if (health === undefined) continue;
    if (health.AggregatedStatus !== 'critical')
      throw fault(
        'config.invalid',
        `Consul has ${Service} at ${place.host}:${place.port} already, so ${place.name} cannot be there too: give each service its own ` +
          `port and address, or take the old one out with: consul services deregister -id=${ID}`,
      );
    log.warn({ service: place.name, id: ID }, 'a dead instance of another service at the same address is deregistered');
    await remove(api, ID);
  }
}

/** Undefined when the agent does not know it. */
async function healthOf(
  api: ConsulApi,
  id: string,
  how?: Pick<ConsulAsk, 'signal' | 'timeoutMs'>,
): Promise<AgentHealth | undefined> {
  const { body } = await api.ask(`/v1/agent/health/service/id/${encodeURIComponent(id)}`, {
    ...how,
    answers: alsoAnswers,
  });
  return body as AgentHealth | undefined;
}

async function remove(api: ConsulApi, id: string): Promise<void> {
  await api.ask(`/v1/agent/service/deregister/${encodeURIComponent(id)}`, {
    method: 'PUT',
    answers: [404],
    timeoutMs: leaveMsMax,
  });
}
