import type { Client, ClientOptions } from '@stoa/platform/client';
import { findAppError } from '@stoa/platform/errors';
import type { Cause } from '@stoa/platform/schema';
import { type EdgeHost, type OpsContract, opsContract } from '@stoa/platform/service';

/** A service by its name, with the operations that the kit gives every service. */
export interface OpsService {
  readonly service: string;
  readonly client: Client<OpsContract>;
  /** One instance of it, by its base URL. */
  readonly at?: string;
}

/** What the services said that answered, and who did not. */
export interface Asked<T> {
  readonly answers: readonly { readonly service: string; readonly answer: T }[];
  readonly partial: readonly string[];
}

/** The services of the system, in their order in the list of services. */
export function opsServices(host: EdgeHost): readonly OpsService[] {
  return host.targets.map(({ contract: { service } }) => ({ service, client: host.client(opsContract(service)) }));
}

/**
 * The processes elsewhere, by the services that live in them: each instance keeps traces of its own. A service of which none is known is asked all the same, and
 * found missing.
 */
export function opsInstances(host: EdgeHost): readonly OpsService[] {
  return host.targets.flatMap((target) => {
    if (target.kind === 'local') return [];
    const { service } = target.contract;
    const client = host.client(opsContract(service));
    const urls = host.discovery?.endpoints(target.discoveryName).map(({ url }) => url) ?? [];
    return urls.length === 0 ? [{ service, client }] : urls.map((at) => ({ service, client, at }));
  });
}

/** How long a service may take to answer an operator, in milliseconds. The others' answers wait for it. */
const askMs = 5_000;

/** The options of a call that may take so long, and no longer than the one it is made for. */
export function within(limitMs: number, { cause, deadlineMs }: { cause: Cause; deadlineMs: number }) {
  return { cause, deadlineMs: Math.min(deadlineMs, Date.now() + limitMs) };
}

/**
 * Asks services side by side. One that cannot answer is named in `partial`; a refusal is an answer, and is thrown.
 *
 * @param deadlineMs of the whole, since the epoch; `limitMs` of one service unless told otherwise
 */
export async function askServices<T>(
  services: readonly OpsService[],
  call: { cause: Cause; deadlineMs: number },
  ask: (client: Client<OpsContract>, options: ClientOptions) => Promise<T>,
  limitMs: number = askMs,
): Promise<Asked<T>> {
  const options = within(limitMs, call);
  const answers: { service: string; answer: T }[] = [];
  const partial = new Set<string>();
  await Promise.all(
    services.map(async ({ service, client, at }) => {
      try {
        answers.push({ service, answer: await ask(client, at === undefined ? options : { ...options, at }) });
      } catch (error) {
        if (findAppError(error)?.kind === 'refusal') throw error;
        partial.add(service);
      }
    }),
  );
  const order = new Map(services.map(({ service }, index) => [service, index]));
  const place = (service: string) => order.get(service) ?? 0;
  return {
    answers: answers.sort((a, b) => place(a.service) - place(b.service)),
    partial: [...partial].sort((a, b) => place(a) - place(b)),
  };
}
