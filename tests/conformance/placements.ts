import { startEmbeddedPostgres } from '@stoa/platform/embedded';
import { Database } from '@stoa/platform/sql';
import { TestFleet } from '../fleet/fleet.ts';
import { type RealServers, startRealServers } from '../fleet/real-servers.ts';
import { TestShop } from '../shop.ts';

/** A shop somewhere, and what a test needs to know of where it is. */
export interface Place {
  readonly shop: TestShop;
  /** Base URLs of its gateways. */
  readonly gateways: readonly string[];
  /** Its processes, where they are several. */
  readonly fleet?: TestFleet;
  /** A service's own database, as that service sees it; closed with the place. */
  database(service: string): Promise<Database>;
  close(): Promise<void>;
}

/** How often tests repeat what only repetition shows. */
export interface Repetitions {
  /** Rounds of 50 buyers for 5 units. */
  readonly rounds: number;
  /** Buyers for a tenth as many units. */
  readonly buyers: number;
  /** Rounds of orders that are cancelled while they are confirmed, at the most. */
  readonly cancelRounds: number;
}

/** One of the ways to place the same services. */
export interface Placement {
  readonly name: string;
  readonly repetitions: Repetitions;
  open(): Promise<Place>;
}

const environment = { STOA_LOG_LEVEL: 'error', STOA_TRACES_PER_SECOND: '1000' };
const full: Repetitions = { rounds: 20, buyers: 1_000, cancelRounds: 20 };
const fewer: Repetitions = { rounds: 3, buyers: 200, cancelRounds: 6 };

/** Everything in one process. */
export const oneProcess = oneProcessWith({});

/** The same with more settings. */
export function oneProcessWith(more: Readonly<Record<string, string>>): Placement {
  return {
    name: 'one process',
    repetitions: full,
    async open() {
      const shop = await TestShop.open({ environment: { ...environment, ...more } });
      return placeOf(shop, [shop.url], () => shop.close());
    },
  };
}

/** A process a service, whose messages go from one to the other by requests. */
export const split: Placement = {
  name: 'a process a service',
  repetitions: fewer,
  open: async () => ofFleet(await TestFleet.open({ environment })),
};

/** A process a service, with RabbitMQ, Redis and Consul between them. */
export const onServers: Placement = {
  name: 'a process a service on RabbitMQ, Redis and Consul',
  repetitions: fewer,
  open: () => openOnServers(1),
};

/** The same with two of each. */
export const replicas: Placement = {
  name: 'two processes a service on RabbitMQ, Redis and Consul',
  repetitions: fewer,
  open: () => openOnServers(2),
};

/** A few in each of some processes, which is how a shop grows: what is in one process and what is not differs from service to service. */
export const inAFew: Placement = {
  name: 'three processes of a few services each',
  repetitions: fewer,
  open: async () => ofFleet(await TestFleet.open({ hosted: aFew, environment })),
};

const aFew = [
  ['gateway', 'user', 'product'],
  ['order', 'payment'],
  ['inventory', 'shipping', 'notification', 'analytics'],
];

async function openOnServers(replicas: number): Promise<Place> {
  const servers = await startRealServers();
  try {
    return ofFleet(
      await TestFleet.open({ replicas, environment: { ...environment, ...servers.environment } }),
      servers,
    );
  } catch (error) {
    await servers.stop();
    throw error;
  }
}

function ofFleet(fleet: TestFleet, servers?: RealServers): Place {
  const gateways = fleet.of('gateway').map(({ place }) => `http://127.0.0.1:${place.port}`);
  const place = placeOf(fleet.shop, gateways, async () => {
    await fleet.close();
    await servers?.stop();
  });
  return { ...place, fleet };
}

function placeOf(shop: TestShop, gateways: readonly string[], end: () => Promise<void>): Place {
  const databases = new Map<string, Promise<Database>>();
  const open = async (service: string) => {
    const server = await startEmbeddedPostgres({ dataDir: shop.dataDir });
    return new Database({ url: await server.ensureDatabase(service), name: 'conformance', connectionsMax: 2 });
  };
  return {
    shop,
    gateways,
    database(service) {
      const known = databases.get(service) ?? open(service);
      databases.set(service, known);
      return known;
    },
    async close() {
      await Promise.all([...databases.values()].map(async (database) => (await database).close()));
      await end();
    },
  };
}
