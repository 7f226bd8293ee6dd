import { createServer, type Server as HttpServer, type RequestListener, type ServerOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, Server as NetServer } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Logger } from 'pino';
import { fault, isCertificateCode } from '../errors/index.ts';
import type { ServerSide } from '../trust/index.ts';
import { answerClientError } from './client-error.ts';
import type { ListenOptions } from './host-http.ts';

/** A socket that takes requests. */
export interface ListeningServer {
  readonly url: string;
  /** Takes no new connections; settles when the last one has ended. */
  close(): Promise<void>;
  closeAllConnections(): void;
}

const limits: ServerOptions = {
  // Longer than any gateway keeps a connection idle (55 s), so that it never sends on one that is being closed.
  keepAliveTimeout: 75_000,
  // Bodies are watched where requests come in, by the gateway; an import may arrive for hours.
  requestTimeout: 0,
  headersTimeout: 10_000,
  // Looked at every 5 s, so that slow headers and bodies are gone within seconds of their limit.
  connectionsCheckingInterval: 5_000,
  noDelay: true,
};

const tellEveryMs = 60_000;
/** What Node says of a client that has shown no certificate. */
const noneShown = 'UNABLE_TO_GET_ISSUER_CERT';

/**
 * Opens the socket on which a service takes requests from processes of ours.
 *
 * @throws AppError `config.invalid` when the port is taken or may not be used
 */
export async function openServer(
  { host, port, tls, log }: Omit<ListenOptions, 'first'> & { readonly log?: Pick<Logger, 'debug' | 'warn'> },
  receive: RequestListener,
): Promise<ListeningServer> {
  const server = tls
    ? createTlsServer({ ...limits, ...tls.options() }, goingWhenLeaving(tls, receive))
    : createServer(limits, receive);
  tls?.onRenewed((options) => 'setSecureContext' in server && server.setSecureContext(options));
  server.on('secureConnection', (socket: TLSSocket) => tls?.letIn(socket));
  server.on('clientError', answerClientError);
  server.on('tlsClientError', tellOfRefusals(log));
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenProblem(error, host, port)));
    server.listen({ host, port }, resolve);
  });
  const { address, port: taken, family } = server.address() as AddressInfo;
  const name = family === 'IPv6' ? `[${address}]` : address;
  return {
    url: `${tls ? 'https' : 'http'}://${name}:${taken}`,
    close: () => stopListening(server),
    closeAllConnections: () => server.closeAllConnections(),
  };
}

/**
 * Lets a server take no new connections; settles when the last one has ended. Its own `close` would end connections at once whose answer has been written,
 * though its reader may not have the half of it.
 */
export function stopListening(server: HttpServer): Promise<void> {
  return new Promise((resolve) => {
    NetServer.prototype.close.call(server, () => {
      // Ends its timers.
      server.close();
      resolve();
    });
  });
}

/**
 * Whoever has no certificate of ours gets no further than the handshake, and a process of ours that is refused sees no more than a connection that ends. So a
 * certificate that is not accepted is said once a minute; scanners, which show none, would fill the log.
 */
function tellOfRefusals(log: Pick<Logger, 'debug' | 'warn'> | undefined) {
  let toldAtMs = Number.NEGATIVE_INFINITY;
  return (error: Error, { remoteAddress, authorizationError }: TLSSocket): void => {
    // A code, whatever its type says.
    const reason: unknown = authorizationError;
    if (reason !== noneShown && isCertificateCode(reason) && performance.now() - toldAtMs >= tellEveryMs) {
      toldAtMs = performance.now();
      const what = 'a process whose certificate is not accepted was refused: compare the certificates of both';
      log?.warn({ reason, remoteAddress }, what);
    } else log?.debug({ err: error, remoteAddress }, 'a TLS connection was refused');
  };
}

/** On a connection that is about to be ended, each answer asks for another one. */
function goingWhenLeaving(tls: ServerSide, receive: RequestListener): RequestListener {
  return (request, response) => {
    if (tls.isLeaving(request.socket as TLSSocket)) response.shouldKeepAlive = false;
    receive(request, response);
  };
}

/** Why a port could not be opened, and what to do. Others than the usual reasons are passed on as they are. */
export function listenProblem(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const problem = (detail: string) => fault('config.invalid', detail, { cause: error });
  if (error.code === 'EADDRINUSE')
    return problem(`Port ${port} of ${host} is taken: end the program that has it, or choose another port.`);
  if (error.code === 'EACCES') return problem(`Port ${port} may not be opened by this user: choose one above 1023.`);
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND')
    return problem(`${host} is not an address of this machine: set it to one that is, or to 0.0.0.0.`);
  return error;
}
