// `npm test`: every test of the repository, or those that its arguments choose.

import { fileURLToPath } from 'node:url';
import { readArguments } from './read-arguments.ts';
import { findTestFiles } from './test/find-test-files.ts';
import { provideServers } from './test/provide-servers.ts';
import { endRunningFiles } from './test/run-test-file.ts';
import { describeCounts, runTests, whyNotGreen } from './test/run-tests.ts';
import { startTestDatabaseServer } from './test/test-database-server.ts';

const usage = `Usage: npm test -- [path …] [--unit] [--grep WORDS]

  path          only files whose path contains one of these: platform/src/outbox
  --unit        only tests that need no server
  --grep WORDS  only tests whose name matches
  --root DIR    the tests of another folder: how the runner itself is tried
`;

const { values, positionals } = readArguments(usage, {
  grep: { type: 'string' },
  unit: { type: 'boolean', default: false },
  root: { type: 'string', default: fileURLToPath(new URL('..', import.meta.url)) },
});
const say = (line: string) => process.stdout.write(`${line}\n`);

const files = await findTestFiles(values.root, { paths: positionals, unitOnly: values.unit });
const { environment, missing } = await provideServers(files.flatMap((file) => file.needs));
const database = files.some((file) => !file.unit) ? await startTestDatabaseServer() : undefined;

const stop = async (signal: NodeJS.Signals) => {
  endRunningFiles();
  await database?.stop();
  process.exit(signal === 'SIGINT' ? 130 : 143);
};
process.once('SIGINT', stop);
process.once('SIGTERM', stop);

const counts = await runTests(files, {
  root: values.root,
  environment: { ...process.env, ...environment, ...database?.environment },
  grep: values.grep,
  missing,
  say,
}).finally(() => database?.stop());

const wrong = whyNotGreen(counts, Boolean(process.env.CI));
if (wrong) say(`\n${wrong}`);
say(`\n${describeCounts(counts)}`);
process.exit(wrong ? 1 : 0);
