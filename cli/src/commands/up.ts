import type { Command } from 'commander';
import { describe, type JsonOption, printJson, type Surroundings } from '../command.ts';

interface UpOptions extends JsonOption {
  readonly demo?: boolean;
}

/** `stoa up` */
export function addUp(program: Command, surroundings: Surroundings): void {
  const command = program
    .command('up')
    .summary('run the shop')
    .description(
      'Runs the whole shop in this process, on the PostgreSQL in its data directory unless told otherwise. Ctrl-C stops it.',
    )
    .option('--demo', 'fill an empty shop with demo products (also STOA_DEMO=1)');
  describe(command, ['up', 'up --demo', 'up --json']);
  command.action((options: UpOptions) => up(options, surroundings));
}

async function up(options: UpOptions, surroundings: Surroundings): Promise<void> {
  const { environment } = surroundings;
  const system = await import('@stoa/system');
  const demo = options.demo === true || environment.STOA_DEMO === '1';
  if (!options.json) return system.up({ environment, demo });
  const { onSignals } = await import('@stoa/platform/lifecycle');
  const shop = await system.openShop({ environment, demo });
  onSignals((deadlineMs) => shop.stop(deadlineMs));
  const { email, password, isNew } = shop.admin;
  printJson(surroundings, { url: shop.url, admin: { email, ...(isNew && { password }) } });
}
