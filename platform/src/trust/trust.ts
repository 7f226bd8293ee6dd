import type { IncomingMessage } from 'node:http';
import type { ServerOptions } from 'node:https';
import type { TLSSocket } from 'node:tls';
import type { buildConnector } from 'undici';

/** How undici opens a connection. */
export type Connector = buildConnector.connector;

/** How this process proves who it is to other processes of the shop, and finds out who they are. */
export interface Trust {
  readonly protocol: 'http:' | 'https:';
  /**
   * Headers that prove that this process calls for `caller`, one of the services it hosts: `x-stoa-service`. Synchronous and cheap.
   *
   * @throws AppError `config.invalid` when our certificate does not name the caller
   */
  proof(caller: string): Readonly<Record<string, string>>;
  /**
   * Which service of ours sends this request, proven by its certificate or its token; undefined for a request that claims to come from none.
   *
   * @throws AppError `auth.invalid` for a claim whose proof is not good
   */
  callerOf(request: IncomingMessage): string | undefined;
  /** For servers of this process; undefined where there is no TLS. */
  readonly server: ServerSide | undefined;
  /**
   * For undici's clients: always uses the newest certificate, and asks the server for one that names the host it connects to. Prefer
   * `connectFor`. Undefined without TLS.
   */
  readonly connect: Connector | undefined;
  /**
   * As `connect`, for one service: the server's certificate has to name that service, wherever it runs. So one service cannot take another's
   * place, even if the registry is made to say so. Undefined without TLS.
   */
  connectFor(service: string): Connector | undefined;
  /** Our certificate, for health and metrics; undefined without TLS. */
  readonly certificate: Certificate | undefined;
  close(): void;
}

export interface ServerSide {
  options(): ServerOptions;
  /** Hears of new options whenever the files have changed: hand them to `server.setSecureContext`. */
  onRenewed(hear: (options: ServerOptions) => void): void;
  /** To be told of every connection: it is ended a while after the authority that let it in has been taken out of ca.pem. */
  letIn(socket: TLSSocket): void;
  /** Whether a connection is about to be ended: its answers should ask for another one. */
  isLeaving(socket: TLSSocket): boolean;
}

export interface Certificate {
  /** When it ends, in milliseconds since the epoch. */
  expiresAtMs(): number;
  /** Why somebody should look: it ends within a week, or new files cannot be used. Undefined while all is well. */
  concern(): string | undefined;
}
