import { gatewayContract } from '@stoa/contracts/gateway';
import { defineService } from '@stoa/platform/service';
import { readGatewaySettings } from './config.ts';
import { startEdge } from './edge.ts';

/** The one door to the shop. It keeps nothing, so it has no database. */
export const gateway = defineService({
  name: 'gateway',
  contract: gatewayContract,
  checkSettings: readGatewaySettings,
  edge: startEdge,
});
