import { type Clients, type ClientsOptions, createClients } from '@stoa/platform/client';
import { readSettings } from '@stoa/platform/config';
import { createDiscovery, discoverySettings } from '@stoa/platform/discovery';
import { type HostedHttp, hostHttp } from '@stoa/platform/http';
import type { Answer, Call } from '@stoa/platform/service';
import { type SampleWitness, sampleService, sampleShop } from '@stoa/platform/testing';
import { openTrust, trustSettings } from '@stoa/platform/trust';

/** A small service, and ways for its neighbour to call it. */
export interface Doors {
  /** What the service's handlers got, as they got it. */
  readonly witness: SampleWitness;
  /** As in one process, and as between processes. */
  readonly inProcess: Clients;
  readonly overHttp: Clients;
  /** In one process, through a door that hands over the caller's own objects. */
  readonly byReference: Clients;
  /** In one process, through a door that lets the service's own errors out. */
  readonly byErrorClass: Clients;
  close(): Promise<void>;
}

type Handlers = Readonly<Record<string, (call: Call, service: unknown) => Promise<Answer>>>;

/** Hosts the kit's sample service once and opens all doors to it. */
export async function openDoors(): Promise<Doors> {
  const witness: SampleWitness = { aborted: 0, deadlines: [], bodies: [] };
  const definition = sampleShop(witness);
  const { log } = sampleService;
  const environment = { STOA_SERVICE_SECRET: 'a secret that only this test needs to know' };
  const settings = readSettings(environment, { ...discoverySettings, ...trustSettings });
  const trust = await openTrust(settings, { hosted: ['order'], log });
  const hosted = await hostHttp(definition, sampleService, { log, callerOf: (request) => trust.callerOf(request) });
  const { url } = await hosted.listen({ host: '127.0.0.1', port: 0 });
  const discovery = await createDiscovery(settings, { log, environment, defaultUrl: () => url });

  const all: Clients[] = [];
  const clientsOf = (how: Pick<ClientsOptions, 'local' | 'remote'>): Clients => {
    const clients = createClients({ caller: 'order', ...how });
    all.push(clients);
    return clients;
  };
  const through = (invoke: HostedHttp['invoke']) => clientsOf({ local: new Map([['sample', { ...hosted, invoke }]]) });
  const handlers = definition.routes as unknown as Handlers;
  const callWithoutDoor = (name: string, input: object) =>
    handlers[name]?.(input as Call, sampleService) as Promise<Answer>;

  return {
    witness,
    inProcess: through(hosted.invoke),
    overHttp: clientsOf({ local: new Map(), remote: { discovery, trust } }),
    byReference: through(async (name, input) => {
      // Errors still come out as codes: only the objects are the caller's own.
      const copied = await hosted.invoke(name, input);
      if (copied.status >= 400) return copied;
      witness.bodies.pop();
      const { body } = await callWithoutDoor(name, input);
      return { ...copied, body };
    }),
    byErrorClass: through(async (name, input) => {
      const answer = await hosted.invoke(name, input);
      if (answer.status >= 400) await callWithoutDoor(name, input);
      return answer;
    }),
    async close() {
      await Promise.all(all.map((clients) => clients.close()));
      await hosted.close(Date.now() + 1_000);
      await discovery.close();
      trust.close();
    },
  };
}
