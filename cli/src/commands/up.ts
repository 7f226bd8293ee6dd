import type { Command } from 'commander';
import { describe, type JsonOption, printJson, type Surroundings } from '../command.ts';

/** `stoa up` */
export function addUp(program: Command, surroundings: Surroundings): void {
  const command = program
    .command('up')
    .summary('run the shop')
    .description(
      'Runs the whole shop in this process, on the PostgreSQL in its data directory unless told otherwise. Ctrl-C stops it.',
    )
    .option('--demo', 'fill an empty shop with demo products (also STOA_DEMO=1)');
  describe(
    command,
    ['up', 'up --demo', 'PORT=8080 STOA_DATA_DIR=/var/lib/stoa npx stoa up'].map((example) =>
      example.replace(/^(.*) npx stoa /, '$1 '),
    ),
  );
  command.action(async (options: { readonly demo?: boolean } & JsonOption) => {
    const { environment } = surroundings;
    const { up } = await import('@stoa/system');
    await up({ environment, demo: options.demo === true || environment.STOA_DEMO === '1' });
    if (options.json) printJson(surroundings, { running: true });
  });
}
