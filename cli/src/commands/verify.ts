import type { Command } from 'commander';
import { cliError } from '../cli-error.ts';
import { describe, type JsonOption, printJson, printTable, type Surroundings } from '../command.ts';
import type { Findings } from '../verify/findings.ts';
import type { VerifiedInvariant } from '../verify/run-verify.ts';

interface VerifyOptions extends JsonOption {
  readonly databases?: boolean;
  readonly acknowledged?: string;
  readonly complete?: boolean;
  readonly allowEmpty?: boolean;
}

/** `stoa verify` */
export function addVerify(program: Command, surroundings: Surroundings): void {
  const command = program
    .command('verify')
    .summary('check that what the shop promises holds')
    .description(
      'Checks the invariants I1 to I5, I7 and I9: first by the public API, then in the databases, where they can be reached (STOA_<SERVICE>_DATABASE_URL, or the data directory of a shop on this machine).\nEnds with 6 and a witness when one is violated, and with 1 when one could not be checked at all.',
    )
    .option('--databases', 'fail when the databases cannot be reached')
    .option('--no-databases', 'check by the public API only')
    .option(
      '--acknowledged <file>',
      'ids of orders, one a line, that clients were told of: each has to exist and to have ended',
    )
    .option('--complete', 'the acknowledged orders are all there are; any other was placed by nobody')
    .option('--allow-empty', 'a check of nothing is no failure');
  describe(command, ['verify', 'verify --json --no-databases', 'verify --acknowledged orders.txt --complete']);
  command.action((options: VerifyOptions) => verify(options, surroundings));
}

async function verify(options: VerifyOptions, surroundings: Surroundings): Promise<void> {
  const { environment, tell } = surroundings;
  if (options.complete && options.acknowledged === undefined)
    throw cliError('usage', '--complete says something of --acknowledged, which is missing.');
  const { readAcknowledged } = await import('../verify/acknowledged.ts');
  const { checkByApi } = await import('../verify/api-pass.ts');
  const { lookAgain, verdicts } = await import('../verify/run-verify.ts');
  const { connect } = await import('../shop/shop.ts');
  const acknowledged =
    options.acknowledged === undefined
      ? undefined
      : await readAcknowledged(options.acknowledged, options.complete === true);
  const shop = await connect({ environment, patienceMs: 10_000 });
  const passes: Findings[] = [];
  try {
    tell('Checking by the public API…\n');
    passes.push(await lookAgain(() => checkByApi(shop, acknowledged)));
    if (options.databases !== false) passes.push(...(await databasePass()));
  } finally {
    await shop.close();
  }
  const found = verdicts(passes);
  report(found, passes.length, options, surroundings);

  async function databasePass(): Promise<Findings[]> {
    const { openDatabases } = await import('../verify/databases.ts');
    const { checkByDatabases } = await import('../verify/database-pass.ts');
    const { assertSameShop } = await import('../verify/same-shop.ts');
    const databases = await openDatabases(environment, shop.url);
    if (!databases) {
      if (options.databases)
        throw cliError(
          'unavailable',
          'The databases cannot be reached: set STOA_<SERVICE>_DATABASE_URL, or STOA_DATA_DIR.',
        );
      tell('The databases cannot be reached from here; what only they show is not checked.\n');
      return [];
    }
    try {
      await assertSameShop(shop, databases);
      tell('Checking in the databases…\n');
      return [
        await lookAgain(async () => {
          await databases.refresh();
          return checkByDatabases(databases, acknowledged);
        }),
      ];
    } finally {
      await databases.close();
    }
  }
}

function report(
  found: readonly VerifiedInvariant[],
  passes: number,
  options: VerifyOptions,
  surroundings: Surroundings,
): void {
  const violated = found.filter(({ verdict }) => verdict === 'violated');
  const unknown = found.filter(({ verdict }) => verdict === 'unknown');
  if (options.json) {
    printJson(surroundings, {
      held: violated.length + unknown.length === 0,
      passes: ['api', 'databases'].slice(0, passes),
      invariants: found,
    });
  } else {
    const rows = found.map(({ name, verdict, checked, promise }) => [name, verdict, String(checked), promise]);
    printTable(surroundings, ['', 'verdict', 'checked', 'promise'], rows);
  }
  const [first] = violated;
  if (first) throw cliError('violated', `${first.name} is violated, ${first.violations} times. ${first.witness}`);
  if (unknown.length > 0 && !options.allowEmpty) {
    throw cliError(
      'failed',
      `Nothing was there to check ${unknown.map(({ name }) => name).join(', ')} on: that is unknown, not held (--allow-empty lets it pass).`,
    );
  }
}
