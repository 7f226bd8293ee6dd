import type { IncomingMessage } from 'node:http';
import type { ServerOptions } from 'node:https';
import { createSecureContext, TLSSocket } from 'node:tls';
import { buildConnector } from 'undici';
import { fault } from '../errors/index.ts';
import type { Logger } from '../telemetry/index.ts';
import type { Clock } from '../time/index.ts';
import { badProof } from './bad-proof.ts';
import { type Credentials, exactName, readCredentials } from './credentials.ts';
import { keepLetIn } from './let-in.ts';
import { serviceName } from './service-token.ts';
import type { Connector, Trust } from './trust.ts';
import { watchCredentials } from './watch-credentials.ts';

export interface TlsTrustOptions {
  readonly folder: string;
  readonly hosted: readonly string[];
  readonly log: Logger;
  readonly clock: Clock;
  readonly pollMs: number;
  readonly requireClientCertificate: boolean;
  readonly graceMs: number;
}

/** For all processes are ours and of one version. */
const minVersion = 'TLSv1.3';
/** Within a data centre. A server that is not there must not use up a caller's time. */
const connectMs = 2_000;
const handshakeMs = 10_000;

/**
 * Processes show each other certificates of one authority, and what they say cannot be read on the way.
 *
 * @throws AppError `config.invalid`, a line for each problem
 */
export async function openTlsTrust(options: TlsTrustOptions): Promise<Trust> {
  const { folder, hosted, log, clock, pollMs } = options;
  const watched = watchCredentials({ folder, names: hosted, first: await firstOf(options), clock, log, pollMs });
  const proofs = new Map<string, Readonly<Record<string, string>>>();
  const proven = new WeakMap<TLSSocket, Set<string>>();
  const serverOptions = (credentials: Credentials): ServerOptions => ({
    ...filesOf(credentials),
    minVersion,
    requestCert: true,
    rejectUnauthorized: options.requireClientCertificate,
    handshakeTimeout: handshakeMs,
  });
  const connections = keepLetIn(options);
  let { ca } = watched.current();
  let connector = connectorOf(watched.current());
  watched.onRenewed((renewed) => {
    connector = connectorOf(renewed);
    proofs.clear();
    if (renewed.ca !== ca) connections.review(renewed.ca);
    ca = renewed.ca;
  });
  const connect: Connector = (target, callback) =>
    connector(target, (...outcome) => {
      const [, socket] = outcome;
      if (socket instanceof TLSSocket) connections.add(socket);
      callback(...outcome);
    });

  return {
    protocol: 'https:',
    proof(caller) {
      let proof = proofs.get(caller);
      if (proof === undefined) {
        if (!names(watched.current(), caller))
          throw fault(
            'config.invalid',
            `The certificate in ${folder} does not name ${caller}: have one issued that does.`,
          );
        proof = Object.freeze({ 'x-stoa-service': caller });
        proofs.set(caller, proof);
      }
      return proof;
    },
    callerOf(request: IncomingMessage) {
      const claimed = request.headers['x-stoa-service'];
      if (claimed === undefined) return undefined;
      const { socket } = request;
      const name = String(claimed);
      // With rejectUnauthorized off, a connection may lack a certificate or show a stranger's.
      if (!(socket instanceof TLSSocket) || !socket.authorized)
        throw badProof('the connection has no certificate of ours');
      if (proven.get(socket)?.has(name)) return name;
      const certificate = socket.getPeerX509Certificate();
      if (!serviceName.test(name) || certificate?.checkHost(name, exactName) === undefined)
        throw badProof(`the certificate is of ${certificate?.subjectAltName}, the claim is ${JSON.stringify(name)}`);
      proven.set(socket, (proven.get(socket) ?? new Set()).add(name));
      return name;
    },
    server: {
      options: () => serverOptions(watched.current()),
      onRenewed: (hear) => watched.onRenewed((renewed) => hear(serverOptions(renewed))),
      letIn: connections.add,
      isLeaving: connections.isLeaving,
    },
    connect,
    connectFor: (service) => (target, callback) => connect({ ...target, servername: service }, callback),
    certificate: { expiresAtMs: () => watched.current().expiresAtMs, concern: watched.concern },
    close() {
      watched.close();
      connections.close();
    },
  };
}

async function firstOf({ folder, hosted, clock }: TlsTrustOptions): Promise<Credentials> {
  const read = await readCredentials(folder, { names: hosted, nowMs: clock.nowMs() });
  if ('value' in read) return read.value;
  throw fault('config.invalid', read.problems.map((problem) => `STOA_TLS_DIR: ${problem}`).join('\n'));
}

function names({ leaf }: Credentials, service: string): boolean {
  return serviceName.test(service) && leaf.checkHost(service, exactName) !== undefined;
}

function filesOf({ ca, cert, key }: Credentials) {
  return { ca, cert, key };
}

function connectorOf(credentials: Credentials): Connector {
  return buildConnector({
    secureContext: createSecureContext({ ...filesOf(credentials), minVersion }),
    allowH2: false,
    // Said, because NODE_TLS_REJECT_UNAUTHORIZED=0 would change what holds where nothing is.
    rejectUnauthorized: true,
    timeout: connectMs,
    // A session that is taken up again is not asked for a certificate: connections are kept long enough to do without.
    maxCachedSessions: 0,
  });
}
