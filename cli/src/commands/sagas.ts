import type { OpsSaga } from '@stoa/contracts/gateway';
import { Argument, type Command, Option } from 'commander';
import { cliError } from '../cli-error.ts';
import {
  describe,
  idFrom,
  type JsonOption,
  positiveInteger,
  printJson,
  printTable,
  type Surroundings,
} from '../command.ts';
import { refuseSilence } from '../shop/refuse-silence.ts';
import { refuseStrangeServices } from '../shop/refuse-strange-services.ts';

type Status = 'running' | 'compensating' | 'completed' | 'compensated' | 'stuck';
type Action = 'retry' | 'skip' | 'compensate';

interface SagasOptions extends JsonOption {
  readonly status?: Status;
  readonly service?: string;
  readonly limit: number;
  readonly reason?: string;
}

/** `stoa sagas [ID] [retry|skip|compensate]` */
export function addSagas(program: Command, surroundings: Surroundings): void {
  const command = program
    .command('sagas')
    .argument('[id]', 'one saga, with its steps', idFrom('sagas'))
    .addArgument(
      new Argument('[action]', 'what to do with a saga that is stuck').choices(['retry', 'skip', 'compensate']),
    )
    .summary('list sagas, show one, or help one that is stuck')
    .description(
      'Lists sagas, newest first, shows one with its steps, or helps one that is stuck: retry its step, take the step for done, or undo it all.',
    )
    .addOption(
      new Option('--status <status>', 'only sagas in this status').choices([
        'running',
        'compensating',
        'completed',
        'compensated',
        'stuck',
      ]),
    )
    .option('--service <name>', 'only sagas of this service')
    .option('--limit <n>', 'how many', positiveInteger, 20)
    .option('--reason <text>', 'why, for the record; needed to skip');
  describe(command, [
    'sagas --status stuck',
    'sagas 019345f2-7a10-7bcc-9d5e-0a4d1f6c2b11',
    'sagas 019345f2-7a10-7bcc-9d5e-0a4d1f6c2b11 skip --reason "sent by hand"',
  ]);
  command.action((id: string | undefined, action: Action | undefined, options: SagasOptions) => {
    if (id && action) return actOn(id, action, options, surroundings);
    return id ? showSaga(id, options, surroundings) : listSagas(options, surroundings);
  });
}

async function operations() {
  return (await import('@stoa/contracts/gateway')).gatewayContract.operations;
}

async function listSagas({ status, service, limit, json }: SagasOptions, surroundings: Surroundings): Promise<void> {
  if (service !== undefined) await refuseStrangeServices([service]);
  const { withShop } = await import('../shop/with-shop.ts');
  const { take } = await import('../shop/take.ts');
  const operation = (await operations()).listSagas;
  const query = { limit: Math.min(limit, 100), ...(status && { status }), ...(service !== undefined && { service }) };
  const silent = new Set<string>();
  const sagas = await withShop(surroundings, (shop) => take(shop.list(operation, { query }, silent), limit));
  if (json) printJson(surroundings, { items: sagas });
  else printSagas(sagas, surroundings);
  refuseSilence(silent);
}

function printSagas(sagas: readonly OpsSaga[], surroundings: Surroundings): void {
  const rows = sagas.map((saga) => [
    saga.id,
    saga.service,
    saga.name,
    saga.status,
    saga.step ?? '',
    String(saga.attempts),
    saga.failure?.code ?? '',
    saga.updatedAt,
  ]);
  printTable(surroundings, ['id', 'service', 'saga', 'status', 'step', 'tries', 'failure', 'changed'], rows);
}

async function showSaga(id: string, { json }: SagasOptions, surroundings: Surroundings): Promise<void> {
  const { withShop } = await import('../shop/with-shop.ts');
  const operation = (await operations()).getSaga;
  const saga = await withShop(surroundings, (shop) => shop.call(operation, { params: { id } }));
  if (json) return printJson(surroundings, saga);
  const { write } = surroundings;
  write(`${saga.name} of ${saga.service} about ${saga.key}: ${saga.status}\n`);
  if (saga.failure) write(`${saga.failure.code}: ${saga.failure.detail}\n`);
  write('\n');
  printTable(
    surroundings,
    ['step', 'kind', 'state'],
    saga.steps.map(({ name, kind, state }) => [name, kind, state]),
  );
  write('\n');
  printTable(
    surroundings,
    ['at', 'step', 'what'],
    saga.history.map(({ at, step, what }) => [at, step, what]),
  );
}

async function actOn(
  id: string,
  action: Action,
  { reason, json }: SagasOptions,
  surroundings: Surroundings,
): Promise<void> {
  const { withShop } = await import('../shop/with-shop.ts');
  const { retrySaga, skipSaga, compensateSaga } = await operations();
  const params = { id };
  const body = reason === undefined ? {} : { reason };
  const saga = await withShop(surroundings, async (shop) => {
    if (action === 'retry') return shop.call(retrySaga, { params, body });
    if (action === 'compensate') return shop.call(compensateSaga, { params, body });
    if (reason === undefined) throw cliError('usage', 'Say why the step is skipped: --reason "…".');
    return shop.call(skipSaga, { params, body: { reason } });
  });
  if (json) printJson(surroundings, saga);
  else surroundings.write(`${saga.name} ${saga.id}: ${saga.status}\n`);
}
