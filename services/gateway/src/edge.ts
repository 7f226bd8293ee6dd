import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { userEvents } from '@stoa/contracts/user-messages';
import { fault } from '@stoa/platform/errors';
import { answerClientError, listenProblem, stopListening, urlOnThisMachine } from '@stoa/platform/http';
import { createPolicies } from '@stoa/platform/resilience';
import type { Edge, EdgeHost } from '@stoa/platform/service';
import { createAccessLog } from './access-log.ts';
import { createCors } from './answer/cors.ts';
import { createCachedAnswers } from './cache/cached-answers.ts';
import { type GatewaySettings, readGatewaySettings } from './config.ts';
import { createConnections } from './connections.ts';
import { createInFlight } from './in-flight.ts';
import { createLimits, networkOf } from './limits/limits.ts';
import { OpenStreams } from './limits/open-streams.ts';
import { createOwnTarget } from './operations/own-target.ts';
import { createPagesTarget } from './pages/pages-target.ts';
import { createProxy } from './proxy/create-proxy.ts';
import { createReceiver } from './receive.ts';
import { compileRoutes } from './routing/routes.ts';
import { besideUs, type ServiceTargets } from './routing/target.ts';

/** Starts the public server: the one door to everything that the services offer. */
export async function startEdge(host: EdgeHost): Promise<Edge> {
  const settings = readGatewaySettings(host.environment);
  const { clock, callers } = host;
  let draining = false;
  const own = await createOwnTarget(host, () => draining);
  const elsewhere = findServices(host, settings);
  const services = [...elsewhere.services, besideUs(own.target)];
  const contracts = services.map(({ contract }) => contract);
  const routes = compileRoutes([...services, besideUs(createPagesTarget(contracts, host.version))]);
  // Where there are other processes, what they commit is heard of by hints or not at all.
  const hears = () => host.hints?.hearing ?? host.discovery === undefined;
  const cached = createCachedAnswers({ bytesMax: settings.cacheBytesMax, clock, hears });
  host.hints?.onMissed(cached.forgetUnheard);
  for (const { service, events, operations } of contracts) {
    if (Object.values(operations).every(({ publicCacheS }) => publicCacheS === undefined)) continue;
    const types = Object.values(events).map(({ type }) => type);
    for (const type of types) host.onEvent(type, () => cached.forget(service));
    host.hints?.onHint(() => cached.forget(service), types);
  }
  // What another gateway's client has ended is asked for at once, not at the next look.
  host.hints?.onHint(() => callers.feed.catchUp(), endTokens);
  const limits = settings.limits && createLimits(settings.limits, () => clock.nowMs(), host.counters);
  const inFlight = createInFlight(settings, callers);

  const receive = createReceiver({
    clock,
    proxies: settings.proxies,
    routes,
    callers,
    limits,
    openStreams: limits && new OpenStreams(settings.streamsPerCallerMax),
    cached,
    cors: createCors(settings.corsOrigins),
    inFlight,
    startTrace: host.startTrace,
    observe: createAccessLog({ log: host.log, sample: settings.accessLogSample, observe: host.observe }),
    changed({ service, name }) {
      cached.forget(service);
      if (service === 'user' && !endsNoToken.has(name)) callers.feed.catchUp();
    },
  });
  const server = createPublicServer(settings);
  server.on('request', (_request, response) => {
    if (draining) response.shouldKeepAlive = false;
  });
  const connections = createConnections(receive, settings);
  connections.watch(server);
  const url = await listen(server, settings);

  return {
    url,
    retire() {
      draining = true;
    },
    async close(deadlineMs) {
      draining = true;
      const closed = stopListening(server);
      inFlight.drain();
      await Promise.race([connections.rest(), until(deadlineMs)]);
      server.closeAllConnections();
      await closed;
      await limits?.close();
      await own.hosted.close(deadlineMs);
      await elsewhere.close();
      inFlight.close();
      connections.close();
    },
  };
}

const { userChanged, userErased, sessionEnded, apiKeyRevoked } = userEvents;
const endTokens = [userChanged, userErased, sessionEnded, apiKeyRevoked].map(({ type }) => type);

/** Operations of the user service that change something but end no token. */
const endsNoToken = new Set(['register', 'logIn', 'forgotPassword', 'createUser', 'createApiKey']);

/** The services behind the gateway: beside it, or reached by a proxy, which is opened when there is any of them. */
function findServices(host: EdgeHost, { upstreamConnectionsMax }: GatewaySettings) {
  const remote = host.targets.find(({ kind }) => kind === 'remote');
  if (remote === undefined) {
    const services = host.targets.flatMap((target) => (target.kind === 'local' ? besideUs(target) : []));
    return { services, close: async () => undefined };
  }
  const { discovery, trust, log, policies = createPolicies({ caller: 'gateway', log }) } = host;
  if (discovery === undefined || trust === undefined) {
    throw fault('config.invalid', `The gateway cannot reach ${remote.contract.service}: nothing says where it is.`);
  }
  const proxy = createProxy({ discovery, trust, log, policies, connectionsMax: upstreamConnectionsMax });
  const services = host.targets.map(
    (target): ServiceTargets => (target.kind === 'local' ? besideUs(target) : proxy.targets(target)),
  );
  return { services, close: proxy.close };
}

function createPublicServer(settings: GatewaySettings): Server {
  const server = createServer({
    // Refused with problem+json by the receiver, where Node would answer without words.
    requireHostHeader: false,
    insecureHTTPParser: false,
    maxHeaderSize: 16_384,
    headersTimeout: settings.headersTimeoutMs,
    // Bodies are watched one by one: an import may take hours, and everything else seconds.
    requestTimeout: 0,
    keepAliveTimeout: settings.keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.min(settings.headersTimeoutMs, 1_000),
    noDelay: true,
  });
  server.maxConnections = settings.connectionsMax;
  server.maxHeadersCount = 100;
  boundConnectionsByAddress(server, settings);
  server.on('clientError', answerClientError);
  server.on('checkExpectation', (_request, response) => {
    response.writeHead(417, { connection: 'close' });
    response.end();
  });
  return server;
}

/** One address, or network of IPv6, cannot take all connections, except a proxy of ours that stands for many. */
function boundConnectionsByAddress(server: Server, { connectionsPerAddressMax, proxies }: GatewaySettings): void {
  const open = new Map<string, number>();
  server.on('connection', (socket) => {
    const peer = socket.remoteAddress ?? '';
    if (proxies.isTrusted(peer)) return;
    const address = networkOf(proxies.clientAddress(peer, undefined));
    const count = (open.get(address) ?? 0) + 1;
    if (count > connectionsPerAddressMax) {
      socket.destroy();
      return;
    }
    open.set(address, count);
    socket.once('close', () => {
      const left = (open.get(address) ?? 1) - 1;
      if (left === 0) open.delete(address);
      else open.set(address, left);
    });
  });
}

function listen(server: Server, { host, port }: GatewaySettings): Promise<string> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error) => reject(listenProblem(error, host, port));
    server.once('error', failed);
    server.listen({ host, port }, () => {
      server.off('error', failed);
      resolve(urlOnThisMachine(host, (server.address() as AddressInfo).port));
    });
  });
}

function until(deadlineMs: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, Math.max(deadlineMs - Date.now(), 0)).unref();
  });
}
