// limit: 600 s
import { conform } from './conform.ts';
import { oneProcess } from './placements.ts';

conform(oneProcess);
