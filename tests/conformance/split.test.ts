// limit: 600 s
// load: half
import { conform } from './conform.ts';
import { split } from './placements.ts';

conform(split);
