import { gatewayContract } from '@stoa/contracts/gateway';
import { defineService } from '@stoa/platform/service';
import { startEdge } from './edge.ts';

/** The one door to the shop. It keeps nothing, so it has no database. */
export const gateway = defineService({
  name: 'gateway',
  contract: gatewayContract,
  edge: startEdge,
});
