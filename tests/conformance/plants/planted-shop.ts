import { conform } from '../conform.ts';
import { oneProcessWith } from '../placements.ts';

/** The suite on a shop in one process in which something is planted; which, says the last argument. Started by plants.test.ts. */
const load = new URL('load-planted.ts', import.meta.url);
load.search = encodeURIComponent(process.argv.at(-1) ?? '');

conform(oneProcessWith({ NODE_OPTIONS: `--import=${load.href}` }), { only: ['ownership', 'errorCodes'] });
