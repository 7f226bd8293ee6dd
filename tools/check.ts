// `npm run check`: what must hold before a commit, in under two minutes: form, types, boundaries, our own rules, unused code, unit tests.

import { fileURLToPath } from 'node:url';
import { run as access } from './check/access.ts';
import { run as boundaries } from './check/boundaries.ts';
import { run as compose } from './check/compose.ts';
import { run as errorCodes } from './check/error-codes.ts';
import { run as links } from './check/links.ts';
import { run as messageShapes } from './check/message-shapes.ts';
import { run as names } from './check/names.ts';
import { run as packages } from './check/packages.ts';
import { run as picture } from './check/picture.ts';
import { runProgram } from './check/run-program.ts';
import { run as settings } from './check/settings.ts';
import { readArguments, refuseUnknown } from './read-arguments.ts';

/** Takes the root folder and answers with what is wrong, one sentence a problem. */
type Check = (root: string) => Promise<string[]>;

const checks: Readonly<Record<string, Check>> = {
  form: runProgram('@biomejs/biome', ['ci', '--error-on-warnings', '--max-diagnostics=50', '--colors=off', '.']),
  types: runProgram('typescript', ['-p', 'tsconfig.json', '--noEmit', '--pretty', 'false'], 'tsc'),
  boundaries,
  names,
  access,
  'message-shapes': messageShapes,
  packages,
  settings,
  compose,
  'error-codes': errorCodes,
  picture,
  links,
  unused: runProgram('knip', ['--no-progress', '--no-config-hints']),
  'unit-tests': runProgram(fileURLToPath(new URL('test.ts', import.meta.url)), ['--unit']),
};

const root = fileURLToPath(new URL('..', import.meta.url));
const usage = `Usage: npm run check -- [check …] [--without CHECK]

  check            only these: ${Object.keys(checks).join(', ')}
  --without CHECK  all but this one; may be given several times
`;
const { positionals, values } = readArguments(usage, {
  without: { type: 'string', multiple: true, default: [] },
});
refuseUnknown([...positionals, ...values.without], Object.keys(checks), usage);

let failed = 0;
const chosen = Object.entries(checks).filter(
  ([name]) => (positionals.length === 0 || positionals.includes(name)) && !values.without.includes(name),
);
for (const [name, check] of chosen) {
  const startedAt = performance.now();
  const problems = await check(root).catch((error: unknown) => [
    error instanceof Error ? (error.stack ?? error.message) : String(error),
  ]);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  process.stdout.write(`${problems.length > 0 ? 'FAIL' : 'ok  '} ${name}  ${seconds} s\n`);
  for (const problem of problems) process.stdout.write(`${problem.replaceAll(/^/gm, '     ')}\n`);
  if (problems.length > 0) failed++;
}
process.stdout.write(`\n${chosen.length - failed} passed, ${failed} failed\n`);
process.exitCode = failed > 0 ? 1 : 0;
