import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { isSignedUnder } from './credentials.ts';

/** Connections that stand, with whichever side the other has proven itself to. */
export interface LetIn {
  add(socket: TLSSocket): void;
  /** Whether a connection is about to be ended, so that it should take no further request. */
  isLeaving(socket: TLSSocket): boolean;
  /** From now on only these authorities are trusted. */
  review(ca: string): void;
  close(): void;
}

/**
 * A certificate is looked at when a connection is opened, and connections last for hours. So when an authority is taken out of ca.pem, those that it has let
 * in are ended too: after a while, in which an answer asks its caller for another connection, because where authorities are changed in good order most
 * callers have a new certificate by then, and only their connections are old.
 */
export function keepLetIn({ graceMs }: { graceMs: number }): LetIn {
  const open = new Set<TLSSocket>();
  const leaving = new WeakSet<TLSSocket>();
  const timers = new Set<NodeJS.Timeout>();

  function end(sockets: readonly TLSSocket[]): void {
    const timer = setTimeout(() => {
      timers.delete(timer);
      for (const socket of sockets) socket.destroy();
    }, graceMs);
    timers.add(timer.unref());
  }

  return {
    add(socket) {
      open.add(socket);
      socket.once('close', () => open.delete(socket));
    },
    isLeaving: (socket) => leaving.has(socket),
    review(ca) {
      const strangers = [...open].filter((socket) => !leaving.has(socket) && isStranger(socket, ca));
      for (const socket of strangers) leaving.add(socket);
      if (strangers.length > 0) end(strangers);
    },
    close() {
      for (const timer of timers) clearTimeout(timer);
    },
  };
}

/** Who has shown no certificate was not let in by one. */
function isStranger(socket: TLSSocket, ca: string): boolean {
  const certificate = socket.getPeerX509Certificate();
  return certificate !== undefined && !isSignedUnder(ca, certificate, shownAbove(certificate));
}

function shownAbove(certificate: X509Certificate): X509Certificate[] {
  const { issuerCertificate: next } = certificate;
  return next === undefined || next.fingerprint256 === certificate.fingerprint256 ? [] : [next, ...shownAbove(next)];
}
