// limit: 600 s
import { conform } from './conform.ts';
import { split } from './placements.ts';

conform(split);
