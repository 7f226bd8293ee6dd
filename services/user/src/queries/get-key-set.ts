import type { UserHandler } from '../deps.ts';

interface PublicKey {
  readonly kty: string;
  readonly crv: string;
  readonly x: string;
  readonly y?: string;
  readonly kid: string;
  readonly alg: string;
  readonly use: string;
}

export const getKeySet: UserHandler<'getKeySet'> = async (_call, service) => {
  const keys = await service.deps.keys.current();
  return { body: { keys: keys.jwks(service.clock.nowMs()).keys as PublicKey[] } };
};
