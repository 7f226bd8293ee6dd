// For the command line, as in `npx depcruise platform services`. The rules are in tools/check/boundary-rules.ts.

import { boundaryRules, cruiseOptions } from './tools/check/boundary-rules.ts';

export default { forbidden: boundaryRules, options: cruiseOptions };
