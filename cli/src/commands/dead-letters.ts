import type { OpsDeadLetter } from '@stoa/contracts/gateway';
import { Argument, type Command } from 'commander';
import { cliError } from '../cli-error.ts';
import { describe, type JsonOption, positiveInteger, printJson, printTable, type Surroundings } from '../command.ts';
import { refuseSilence } from '../shop/refuse-silence.ts';
import { refuseStrangeServices } from '../shop/refuse-strange-services.ts';

interface DeadLettersOptions extends JsonOption {
  readonly service?: string;
  readonly limit: number;
  readonly id?: string[];
  readonly all?: boolean;
}

/** `stoa dead-letters [redrive]` */
export function addDeadLetters(program: Command, surroundings: Surroundings): void {
  const command = program
    .command('dead-letters')
    .addArgument(new Argument('[action]', 'put them back to be handled again').choices(['redrive']))
    .summary('list messages that could not be handled, or try them again')
    .description('Lists messages that no try could handle, with why; or puts them back into their inboxes.')
    .option('--service <name>', 'only those of this service')
    .option('--limit <n>', 'how many to list', positiveInteger, 20)
    .option('--id <ids...>', 'which to redrive')
    .option('--all', 'redrive all of them');
  describe(command, [
    'dead-letters',
    'dead-letters redrive --all',
    'dead-letters redrive --id 019345f2-7a10-7bcc-9d5e-0a4d1f6c2b11',
  ]);
  command.action(async (action: 'redrive' | undefined, options: DeadLettersOptions) => {
    if (options.service !== undefined) await refuseStrangeServices([options.service]);
    return action ? redrive(options, surroundings) : listDeadLetters(options, surroundings);
  });
}

async function listDeadLetters(
  { service, limit, json }: DeadLettersOptions,
  surroundings: Surroundings,
): Promise<void> {
  const { gatewayContract } = await import('@stoa/contracts/gateway');
  const { withShop } = await import('../shop/with-shop.ts');
  const { take } = await import('../shop/take.ts');
  const query = { limit: Math.min(limit, 100), ...(service !== undefined && { service }) };
  const silent = new Set<string>();
  const letters = await withShop(surroundings, (shop) =>
    take(shop.list(gatewayContract.operations.listDeadLetters, { query }, silent), limit),
  );
  if (json) printJson(surroundings, { items: letters });
  else printLetters(letters, surroundings);
  refuseSilence(silent);
}

function printLetters(letters: readonly OpsDeadLetter[], surroundings: Surroundings): void {
  const rows = letters.map(({ id, service, type, key, state, attempts, error }) => [
    id,
    service,
    type,
    key,
    state,
    String(attempts),
    error,
  ]);
  printTable(surroundings, ['id', 'service', 'type', 'key', 'state', 'tries', 'error'], rows);
}

async function redrive({ service, id, all, json }: DeadLettersOptions, surroundings: Surroundings): Promise<void> {
  if ((id === undefined) === (all === undefined)) throw cliError('usage', 'Say which: --id ID … or --all.');
  const { gatewayContract } = await import('@stoa/contracts/gateway');
  const { withShop } = await import('../shop/with-shop.ts');
  const ids = id && [...new Set(id)];
  const body = { ...(ids ? { ids } : { all: true as const }), ...(service !== undefined && { service }) };
  const answer = await withShop(surroundings, (shop) =>
    shop.call(gatewayContract.operations.redriveDeadLetters, { body }),
  );
  if (json) printJson(surroundings, answer);
  else surroundings.write(`${answer.redriven} put back\n`);
  refuseSilence(answer.partial);
  if (ids && answer.redriven < ids.length)
    throw cliError(
      'not-found',
      `Of ${ids.length} named, ${ids.length - answer.redriven} could not be put back: there is no dead letter with that id, or nothing could ever read it. npx stoa dead-letters lists them.`,
    );
}
