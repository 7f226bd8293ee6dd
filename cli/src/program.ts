import { createRequire } from 'node:module';
import { findAppError } from '@stoa/platform/errors';
import { Command, CommanderError } from 'commander';
import { CliError, exitCodes } from './cli-error.ts';
import type { Surroundings } from './command.ts';
import { addBench } from './commands/bench.ts';
import { addCerts } from './commands/certs.ts';
import { addDeadLetters } from './commands/dead-letters.ts';
import { addDoctor } from './commands/doctor.ts';
import { addImport } from './commands/import.ts';
import { addOrders } from './commands/orders.ts';
import { addReplay } from './commands/replay.ts';
import { addSagas } from './commands/sagas.ts';
import { addSeed } from './commands/seed.ts';
import { addUp } from './commands/up.ts';
import { addVerify } from './commands/verify.ts';
import { endingOf, ShopError } from './shop/shop-error.ts';

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };

/** Runs one command line and answers its exit code. What `stoa up` started goes on running. */
export async function runCommandLine(args: readonly string[], surroundings: Surroundings): Promise<number> {
  try {
    await programOf(surroundings).parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    return exitCodeOf(error, surroundings);
  }
}

function programOf(surroundings: Surroundings): Command {
  const program = new Command('stoa')
    .description('Runs and looks after a Stoa shop.')
    .version(version)
    .configureOutput({ writeOut: surroundings.write, writeErr: surroundings.tell })
    .showHelpAfterError('(--help says how)')
    .addHelpText('after', settingsHelp)
    .exitOverride();
  for (const add of [
    addUp,
    addSeed,
    addImport,
    addReplay,
    addVerify,
    addOrders,
    addSagas,
    addDeadLetters,
    addDoctor,
    addCerts,
    addBench,
  ]) {
    add(program, surroundings);
  }
  return program;
}

const settingsHelp = `
Settings:
  STOA_URL                                  where the shop is (http://localhost:3000)
  STOA_API_KEY                              who speaks to it, or
  STOA_ADMIN_EMAIL, STOA_ADMIN_PASSWORD     as whom to sign in; a shop on this machine leaves its first admin in STOA_DATA_DIR

Exit codes:
  0 ok   1 failed   2 usage   3 not found   4 conflict   5 unavailable   6 an invariant is violated`;

function exitCodeOf(error: unknown, { tell }: Surroundings): number {
  // Commander has told already, help and version included.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage;
  const ended = error instanceof ShopError ? endingOf(error) : error;
  if (ended instanceof CliError) {
    tell(`${ended.message}\n`);
    return exitCodes[ended.ending];
  }
  const known = findAppError(error);
  if (known) {
    tell(`${known.message}\n`);
    return known.code === 'service.unavailable' ? exitCodes.unavailable : exitCodes.failed;
  }
  tell(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return exitCodes.failed;
}
