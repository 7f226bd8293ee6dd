import type { Shop, SplitShop } from '@stoa/system';
import { type Command, Option } from 'commander';
import { CliError } from '../cli-error.ts';
import { describe, type JsonOption, positiveInteger, printJson, type Surroundings } from '../command.ts';
import { refuseStrangeServices } from '../shop/refuse-strange-services.ts';

interface UpOptions extends JsonOption {
  readonly demo?: boolean;
  readonly split?: boolean;
  readonly replicas?: number;
}

/** `stoa up` */
export function addUp(program: Command, surroundings: Surroundings): void {
  const command = program
    .command('up')
    .summary('run the shop, or some of its services')
    .description(
      'Runs the whole shop in this process, on the PostgreSQL in its data directory unless told otherwise; or the services that are named, which find the others by STOA_DISCOVERY; or, with --split, a process a service on this machine. Ctrl-C stops it.',
    )
    .argument('[service...]', 'which services to host; all unless named')
    .option('--demo', 'fill an empty shop with demo products, unless STOA_DEMO is 0')
    .option('--split', 'a process a service, looked after by this one')
    .addOption(new Option('--replicas <n>', 'processes of each service, with --split').argParser(positiveInteger));
  describe(command, ['up', 'up --demo', 'up --split', 'up --split --replicas 2', 'up order payment', 'up --json']);
  command.action((services: string[], options: UpOptions) => up(services, options, surroundings));
}

const lingerMsMax = 5_000;

async function up(services: readonly string[], options: UpOptions, surroundings: Surroundings): Promise<void> {
  const { environment } = surroundings;
  stopWithSupervisor();
  if (options.split && services.length > 0)
    throw new CliError('usage', '--split runs every service: leave their names away.');
  if (options.replicas && !options.split) throw new CliError('usage', '--replicas goes with --split.');
  await refuseStrangeServices(services);
  const system = await import('@stoa/system');
  const { onSignals } = await import('@stoa/platform/lifecycle');
  const { readSettings, setting } = await import('@stoa/platform/config');
  const asked = setting.boolean({ default: options.demo === true, describe: 'Fills an empty shop with demo products' });
  const { STOA_DEMO: demo } = readSettings(environment, { STOA_DEMO: asked });
  const stopping = new AbortController();
  const splitGraceMs = options.split ? system.splitGraceMs(environment) : 0;
  const opening = options.split
    ? system.openSplit({
        environment,
        demo,
        replicas: options.replicas ?? 1,
        command: ownCommand(),
        signal: stopping.signal,
      })
    : system.openShop({ environment, demo, ...(services.length > 0 && { services }) });
  const stop = async (deadlineMs: number): Promise<void> => {
    stopping.abort();
    const shop = await opening.catch(() => undefined);
    await shop?.stop(deadlineMs);
  };
  // Whoever starts others must not be ended without them; one alone may be, before it has taken anything.
  if (options.split) onSignals(stop, splitGraceMs);
  const shop = await opening.catch((error: unknown) => {
    // A connection that does not let go must not keep alive what has not started.
    setTimeout(() => process.exit(), lingerMsMax).unref();
    throw error;
  });
  if (!options.split) onSignals(stop, shop.graceMs);
  const { url, admin } = shop;
  if (options.json)
    printJson(surroundings, {
      url,
      ...(admin && { admin: { email: admin.email, ...(admin.isNew && { password: admin.password }) } }),
    });
  else if (url !== '' && !process.send) surroundings.write(welcome(shop));
  process.send?.('ready');
}

/** What a process of one service is started with. */
function ownCommand(): string[] {
  return [process.execPath, ...process.execArgv, process.argv[1] ?? '', 'up'];
}

/** A process whose supervisor has died is nobody's: it ends as if it had been told to, also while it starts. */
function stopWithSupervisor(): void {
  if (!process.send) return;
  const stop = () => process.kill(process.pid, 'SIGTERM');
  if (!process.connected) stop();
  process.once('disconnect', stop);
  // Listening must not keep alive a process whose start has failed.
  process.channel?.unref();
}

function welcome(shop: Shop | SplitShop): string {
  const { url, admin } = shop;
  const password = admin?.isNew
    ? `password ${admin.password}, kept in ${admin.file}`
    : admin?.file && `password in ${admin.file}`;
  const metrics = 'metricsUrl' in shop ? [`    metrics    ${shop.metricsUrl}`] : [];
  const processes =
    'processes' in shop
      ? ['', ...shop.processes.map(({ name, port, metricsUrl }) => `    ${name.padEnd(14)}${port}   ${metricsUrl}`)]
      : [];
  const lines = [
    '',
    `  Stoa is open at ${url}`,
    '',
    `    products   ${url}/api/v1/products`,
    `    the API    ${url}/docs`,
    `    health     ${url}/health`,
    ...metrics,
    ...(admin ? [`    admin      ${admin.email}${password ? `   ${password}` : ''}`] : []),
    ...processes,
    '',
    '  A first order is in README.md. Ctrl-C stops the shop; what has been ordered is kept.',
    '',
  ];
  return `${lines.join('\n')}\n`;
}
