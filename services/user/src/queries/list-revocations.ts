import type { UserHandler } from '../deps.ts';
import { listRevocations as listRevocationRows } from '../store/revocations.ts';

export const listRevocations: UserHandler<'listRevocations'> = async (call, service) => {
  return { body: await listRevocationRows(service.db, call.query.since) };
};
