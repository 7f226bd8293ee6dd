// limit: 600 s
// load: half
import { conform } from './conform.ts';
import { oneProcess } from './placements.ts';

conform(oneProcess);
