import type { Command } from 'commander';
import { cliError } from '../cli-error.ts';
import { describe, type JsonOption, printJson, type Surroundings } from '../command.ts';

/** `stoa seed` */
export function addSeed(program: Command, surroundings: Surroundings): void {
  const command = program
    .command('seed')
    .summary('fill an empty shop with demo products')
    .description(
      'Fills a running shop that has no products of its own with the demo: seventy products in six categories, with stock. Completes a demo that was cut off, and does nothing to any other shop.',
    );
  describe(command, ['seed', 'seed --json']);
  command.action((options: JsonOption) => seed(options, surroundings));
}

async function seed(options: JsonOption, surroundings: Surroundings): Promise<void> {
  const { environment } = surroundings;
  const { productContract } = await import('@stoa/contracts/product');
  const { createLog } = await import('@stoa/platform/telemetry');
  const { seedDemo } = await import('@stoa/system');
  const { readCredentials } = await import('../shop/credentials.ts');
  const { urlOf } = await import('../shop/shop.ts');
  const { withShop } = await import('../shop/with-shop.ts');
  const url = urlOf(environment);
  const credentials = await readCredentials(environment, url);
  if (credentials.kind !== 'password')
    throw cliError(
      'usage',
      "Seeding needs the admin's STOA_ADMIN_EMAIL and STOA_ADMIN_PASSWORD: leave STOA_API_KEY away.",
    );
  const log = createLog({ service: 'stoa', level: 'silent' });
  // First in the way of all commands, whose errors say what to do about a shop that is away.
  await withShop(surroundings, (shop) => shop.call(productContract.operations.listProducts, { query: { limit: 1 } }));
  const seeded = await seedDemo({ url: url.origin, admin: credentials, log });
  if (options.json) printJson(surroundings, { seeded });
  else
    surroundings.write(
      seeded
        ? 'The shop has its demo products.\n'
        : 'The shop has products of its own, or has had the demo; nothing was changed.\n',
    );
}
