import type { analyticsContract } from '@stoa/contracts/analytics';
import type { Handler } from '@stoa/platform/service';
import { beginRebuild } from '../store/generations.ts';

/** Only writes down that a rebuild is wanted; its job does it, and goes on with it after a kill. */
export const startRebuild: Handler<typeof analyticsContract.operations.startRebuild> = async (_call, service) => {
  const generation = await service.db.transaction((tx) => beginRebuild(tx));
  return { body: { generation } };
};
