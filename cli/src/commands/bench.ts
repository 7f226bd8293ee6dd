import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { cliError, exitCodes } from '../cli-error.ts';
import type { Surroundings } from '../command.ts';

const runner = fileURLToPath(new URL('../../../bench/run.ts', import.meta.url));

/** `stoa bench` */
export function addBench(program: Command, { environment }: Surroundings): void {
  program
    .command('bench')
    .argument('[arguments...]', 'scenarios and options of the benchmarks')
    .summary('measure this machine')
    .description(
      'Runs the benchmarks, all of them or those named, in a shop of their own. `--json` prints data; what else they take they say themselves.',
    )
    .addHelpText('after', '\nExamples:\n  $ npx stoa bench\n  $ npx stoa bench checkout --json')
    .allowUnknownOption()
    .action(async (args: string[]) => {
      if (!existsSync(runner)) throw cliError('not-found', `The benchmarks are not here: ${runner} is missing.`);
      const child = spawn(process.execPath, [runner, ...args], {
        stdio: 'inherit',
        env: environment as NodeJS.ProcessEnv,
      });
      for (const stop of ['SIGINT', 'SIGTERM'] as const) process.on(stop, () => child.kill(stop));
      const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
      if (code === exitCodes.usage) throw cliError('usage', 'Nothing was measured.');
      if (code !== 0) throw cliError('failed', `The benchmarks ended with ${signal ?? code}.`);
    });
}
