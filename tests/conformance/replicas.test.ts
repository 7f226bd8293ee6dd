// limit: 600 s
// needs: rabbitmq redis consul
import { conform } from './conform.ts';
import { replicas } from './placements.ts';

conform(replicas);
