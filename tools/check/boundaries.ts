import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { cruise, type ICruiseResult } from 'dependency-cruiser';
import { boundaryRules, cruiseOptions } from './boundary-rules.ts';

const folders = ['platform', 'contracts', 'services', 'system', 'cli', 'web', 'tests', 'bench', 'tools'];

/** Who imports whom against the rules of boundary-rules.ts. */
export async function run(root: string): Promise<string[]> {
  const existing = folders.filter((folder) => existsSync(join(root, folder)));
  const result = await cruise(existing, {
    ...cruiseOptions,
    // It refuses a folder that ends with a slash.
    baseDir: resolve(root),
    validate: true,
    ruleSet: { forbidden: [...boundaryRules] },
  });
  const { modules, summary } = result.output as ICruiseResult;
  const ours = modules.filter((module) => !module.source.includes('node_modules') && !module.coreModule);
  // With a TypeScript it does not know, dependency-cruiser reads no .ts file, finds nothing wrong, and says so.
  const read = ours.filter((module) => /\.tsx?$/.test(module.source));
  if (read.length === 0) return ['No TypeScript module was read: the boundaries were not checked.'];
  return summary.violations.map(({ rule, from, to, cycle, comment }) => {
    const path = cycle ? cycle.map((step) => step.name).join(' → ') : to;
    return `${rule.name}: ${from} → ${path}${comment ? `. ${comment}` : ''}`;
  });
}
