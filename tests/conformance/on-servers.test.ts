// limit: 600 s
// needs: rabbitmq redis consul
// load: half
import { conform } from './conform.ts';
import { onServers } from './placements.ts';

conform(onServers);
