// limit: 600 s
// needs: rabbitmq redis consul
import { conform } from './conform.ts';
import { onServers } from './placements.ts';

conform(onServers);
