import { assert } from '../errors/index.ts';
import type { Clock } from '../time/index.ts';
import { badProof } from './bad-proof.ts';
import { readServiceToken, serviceName, signServiceToken, tokenLifeS } from './service-token.ts';
import type { Trust } from './trust.ts';

interface Proof {
  readonly headers: Readonly<Record<string, string>>;
  readonly madeAtMs: number;
}

/** Processes that share a secret believe each other's tokens. What they say can be read on the way: for one machine or a closed network. */
export function createSecretTrust(secrets: readonly string[], clock: Clock): Trust {
  const [signing] = secrets;
  assert(signing !== undefined, 'trust by secret needs a secret');
  const proofs = new Map<string, Proof>();

  return {
    protocol: 'http:',
    proof(caller) {
      const nowMs = clock.nowMs();
      const known = proofs.get(caller);
      // A clock that was set back makes the age negative.
      const ageMs = known === undefined ? -1 : nowMs - known.madeAtMs;
      if (known && ageMs >= 0 && ageMs < (tokenLifeS * 1_000) / 2) return known.headers;
      assert(serviceName.test(caller), `${caller} is no name of a service`);
      const headers = Object.freeze({ 'x-stoa-service': signServiceToken(signing, caller, nowMs / 1_000) });
      proofs.set(caller, { headers, madeAtMs: nowMs });
      return headers;
    },
    callerOf(request) {
      const token = request.headers['x-stoa-service'];
      if (token === undefined) return undefined;
      const read = readServiceToken(secrets, String(token), clock.nowMs() / 1_000);
      if ('service' in read) return read.service;
      throw badProof(read.bad);
    },
    server: undefined,
    connect: undefined,
    connectFor: () => undefined,
    certificate: undefined,
    close: () => undefined,
  };
}
