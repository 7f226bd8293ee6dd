import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { fault } from '@stoa/platform/errors';
import type { Edge, EdgeHost, LocalTarget } from '@stoa/platform/service';
import { createAccessLog } from './access-log.ts';
import { createCors } from './answer/cors.ts';
import { rawProblem } from './answer/write.ts';
import { createCachedAnswers } from './cache/cached-answers.ts';
import { type GatewaySettings, readGatewaySettings } from './config.ts';
import { createIdentity } from './identity/create-identity.ts';
import { createInFlight } from './in-flight.ts';
import { createLimits } from './limits/limits.ts';
import { createOwnTarget } from './operations/own-target.ts';
import { createPagesTarget } from './pages/pages-target.ts';
import { createReceiver } from './receive.ts';
import { compileRoutes } from './routing/routes.ts';

/** Starts the public server: the one door to everything that the services offer. */
export async function startEdge(host: EdgeHost): Promise<Edge> {
  const settings = readGatewaySettings(host.environment);
  const { clock } = host;
  let draining = false;
  const own = await createOwnTarget(host, () => draining);
  const services = [...host.targets.map(local), own.target];
  const contracts = services.map(({ contract }) => contract);
  const routes = compileRoutes([...services, createPagesTarget(contracts, host.version)]);
  const identity = createIdentity(host);
  const cached = createCachedAnswers({ bytesMax: settings.cacheBytesMax, clock });
  const inFlight = createInFlight(settings);
  for (const contract of contracts) {
    for (const { type } of Object.values(contract.events)) host.onEvent(type, () => cached.forget(contract.service));
  }

  const receive = createReceiver({
    clock,
    proxies: settings.proxies,
    routes,
    identity,
    limits: settings.limits && createLimits(settings.limits, () => clock.nowMs()),
    cached,
    cors: createCors(settings.corsOrigins),
    inFlight,
    startTrace: host.startTrace,
    observe: createAccessLog({ log: host.log, sample: settings.accessLogSample, observe: host.observe }),
    changed({ service, name }) {
      cached.forget(service);
      if (service === 'user' && !endsNoToken.has(name)) identity.feed.catchUp();
    },
  });
  const server = createPublicServer(settings);
  server.on('request', receive);
  server.on('checkContinue', receive);
  const url = await listen(server, settings);

  return {
    url,
    async close(deadlineMs) {
      draining = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      await Promise.race([inFlight.drain(), until(deadlineMs)]);
      server.closeAllConnections();
      await closed;
      await own.hosted.close(deadlineMs);
      identity.feed.close();
      inFlight.close();
    },
  };
}

/** Operations of the user service that change something but end no token. */
const endsNoToken = new Set(['register', 'logIn', 'forgotPassword', 'createUser', 'createApiKey']);

function local(target: EdgeHost['targets'][number]): LocalTarget {
  if (target.kind === 'local') return target;
  throw fault(
    'config.invalid',
    `The gateway needs ${target.contract.service} in its own process: it does not proxy to others.`,
  );
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
  server.on('clientError', answerUnreadable);
  server.on('checkExpectation', (_request, response) => {
    response.writeHead(417, { connection: 'close' });
    response.end();
  });
  return server;
}

/** One address cannot take all connections, except a proxy of ours that stands for many. */
function boundConnectionsByAddress(server: Server, { connectionsPerAddressMax, proxies }: GatewaySettings): void {
  const open = new Map<string, number>();
  server.on('connection', (socket) => {
    const address = socket.remoteAddress ?? '';
    if (proxies.isTrusted(address)) return;
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

/** What Node's parser refuses never becomes a request; it gets an answer all the same, and then the connection ends. */
function answerUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const tooSlow = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
  const tooLong = error.code === 'HPE_HEADER_OVERFLOW';
  if (tooSlow) socket.end(rawProblem('request.timeout', 408, 'The headers took too long to arrive.'));
  else if (tooLong) socket.end(rawProblem('request.invalid', 431, 'The headers are too long.'));
  else socket.end(rawProblem('request.invalid', 400, 'This is not a request of HTTP/1.1.'));
}

function listen(server: Server, { host, port }: GatewaySettings): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve(`http://localhost:${(server.address() as AddressInfo).port}`);
    });
  });
}

function until(deadlineMs: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, Math.max(deadlineMs - Date.now(), 0)).unref();
  });
}
