import { access } from 'node:fs/promises';
import type { Command } from 'commander';
import { cliError } from '../cli-error.ts';
import { describe, type JsonOption, positiveInteger, printJson, type Surroundings } from '../command.ts';
import { openProgress } from '../progress.ts';
import type { ReplayPlan } from '../replay/plan.ts';
import type { ReplayFigures } from '../replay/run-replay.ts';

interface ReplayOptions extends JsonOption {
  readonly rejects?: string;
  readonly concurrency: number;
  readonly patience: number;
  readonly dryRun?: boolean;
}

/** `stoa replay FILE` */
export function addReplay(program: Command, surroundings: Surroundings): void {
  const command = program
    .command('replay')
    .argument(
      '<file>',
      'CSV with InvoiceNo, StockCode, Description, Quantity, InvoiceDate, UnitPrice, CustomerID, Country',
    )
    .summary("replay a retailer's trade through the shop")
    .description(
      "Replays a file of a retailer's trade through the public API: goods, customers, stock, an order an invoice, and refunds for what came back.\nRunning it again, also after it was killed, changes nothing and ends with the same figures.",
    )
    .option('--rejects <file>', 'write the lines that are not replayed to this file, with line number and reason')
    .option('--concurrency <n>', 'calls under way at once', positiveInteger, 32)
    .option('--patience <seconds>', 'how long to wait for a shop that is away', positiveInteger, 300)
    .option('--dry-run', 'only say what the file comes to; no shop is needed');
  describe(command, [
    'replay 2010-12.csv',
    'replay 2010-12.csv --json --rejects rejects.csv',
    'replay 2010-12.csv --dry-run',
  ]);
  command.action((file: string, options: ReplayOptions) => replay(file, options, surroundings));
}

async function replay(file: string, options: ReplayOptions, surroundings: Surroundings): Promise<void> {
  const startedAtMs = performance.now();
  const { openRejects } = await import('../replay/rejects.ts');
  const { readPlan } = await import('../replay/read-plan.ts');
  await access(file).catch((error) => {
    throw cliError('not-found', `There is no file ${file} that can be read.`, { cause: error });
  });
  const rejects = openRejects(options.rejects);
  const planned = await readPlan(file, rejects);
  await rejects.close();
  if (options.dryRun) return printPlan(planned.plan, options, surroundings);
  const { connect } = await import('../shop/shop.ts');
  const { speakWithMachineKey } = await import('../shop/machine-key.ts');
  const { runReplay } = await import('../replay/run-replay.ts');
  const { environment, tell } = surroundings;
  const patienceMs = options.patience * 1000;
  const shop = await connect({ environment, patienceMs, connectionsMax: options.concurrency });
  try {
    await speakWithMachineKey(shop, environment);
    const progress = openProgress();
    const { figures, complaints } = await runReplay(planned, {
      shop,
      atOnce: options.concurrency,
      progress,
      startedAtMs,
    });
    if (options.json) printJson(surroundings, figures);
    else printFigures(figures, surroundings);
    for (const complaint of complaints) tell(`${complaint}\n`);
    if (figures.invariants.violated > 0) throw cliError('violated', 'What the shop promises does not hold.');
    if (complaints.length > 0) throw cliError('failed', 'Not everything could be replayed.');
  } finally {
    await shop.close();
  }
}

async function printPlan(plan: ReplayPlan, options: JsonOption, surroundings: Surroundings): Promise<void> {
  const { planFigures } = await import('../replay/plan-figures.ts');
  const figures = planFigures(plan);
  if (options.json) printJson(surroundings, figures);
  else for (const line of factLines(figures)) surroundings.write(`${line}\n`);
}

function printFigures(figures: ReplayFigures, { write }: Surroundings): void {
  const { orders, invariants, seconds } = figures;
  const lines = [
    ...factLines(figures),
    `orders      ${orders.placed} placed, ${orders.confirmed} confirmed, ${orders.rejected} rejected`,
    `invariants  ${invariants.held} held, ${invariants.violated} violated`,
    `time        ${seconds.toFixed(1)} s, ${Math.round(figures.linesRead / seconds)} lines/s`,
  ];
  for (const line of lines) write(`${line}\n`);
}

function factLines(figures: Omit<ReplayFigures, 'orders' | 'invariants' | 'seconds'>): string[] {
  const { linesRead, linesSold, linesReturned, linesRejected, units, revenue, refunded } = figures;
  const reasons = Object.entries(linesRejected).map(([reason, count]) => `${count} ${reason}`);
  const rejected = Object.values(linesRejected).reduce((all, count) => all + count, 0);
  return [
    `lines       ${linesRead} read: ${linesSold} sold, ${linesReturned} returned, ${rejected} rejected${reasons.length > 0 ? ` (${reasons.join(', ')})` : ''}`,
    `units       ${units.sold} sold, ${units.returned} returned`,
    `revenue     ${(revenue.amount / 100).toFixed(2)} ${revenue.currency}, refunded ${(refunded.amount / 100).toFixed(2)} ${refunded.currency}`,
  ];
}
