import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cpuMsOf, cpuMsOfFamily, memoryMbOf } from '../harness/processes.ts';
import { describeProfile, describeStatements, resetStatements } from '../harness/profile.ts';
import type { Bench, Figure, Scenario } from '../harness/scenario.ts';
import { admin, type Shop, startShop, stoa } from '../harness/shop.ts';
import { writeYear } from '../harness/year.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const monthSecondsMax = 40;
const timeoutMs = { month: 300_000, year: 1_800_000 };

export const replay: Scenario = {
  about: "a real retailer's month through the public API with `stoa replay`, and a year of such months",
  async run(bench) {
    const file = resolve(root, process.env.STOA_REPLAY_FILE ?? '../shared/data/online-retail/2010-12.csv');
    if (!existsSync(file)) throw new Error(`there is no file ${file}; STOA_REPLAY_FILE names another`);
    bench.say('the month');
    const month = await replayed(bench, 'month', file);
    const figures: Figure[] = [
      { name: 'month', value: month.seconds, unit: 's', target: { atMost: monthSecondsMax } },
      { name: 'month: lines', value: month.linesRead / month.seconds, unit: 'lines/s' },
      { name: 'month: orders', value: month.orders / month.seconds, unit: 'orders/s' },
      { name: 'month: processor time, command', value: month.cpu.command, unit: 's' },
      { name: 'month: processor time, shop', value: month.cpu.shop, unit: 's' },
      { name: 'month: processor time, PostgreSQL', value: month.cpu.postgres, unit: 's' },
      { name: 'month: memory of the command at its highest', value: month.peakMb, unit: 'MB' },
      { name: 'month: memory of the shop at its highest', value: month.shopPeakMb, unit: 'MB' },
    ];
    if (!bench.quick) {
      const yearFile = join(bench.dir, 'year.csv');
      await writeYear(file, yearFile);
      bench.say('the year');
      const year = await replayed(bench, 'year', yearFile);
      const rate = year.linesRead / year.seconds / (month.linesRead / month.seconds);
      figures.push(
        { name: 'year', value: year.seconds, unit: 's' },
        { name: 'year: lines', value: year.linesRead / year.seconds, unit: 'lines/s' },
        { name: "year: rate to the month's", value: rate, unit: 'to 1', target: { atLeast: 1 } },
        { name: 'year: memory of the command at its highest', value: year.peakMb, unit: 'MB', target: { atMost: 512 } },
        { name: 'year: memory of the shop at its highest', value: year.shopPeakMb, unit: 'MB' },
      );
    }
    return {
      figures,
      notes: [
        `${month.linesRead.toLocaleString('en')} lines, ${month.orders.toLocaleString('en')} orders, into an empty shop; the seconds are those of the whole command, its final check of the invariants included.`,
        bench.quick
          ? 'The year is left out by --quick.'
          : 'The year is the month twelve times over: dates moved on, invoices and customers with numbers of their own, the same goods; into another empty shop.',
        'The command fails unless every invariant holds.',
      ],
      ...(bench.profile && { profile: month.profile }),
    };
  },
};

interface Replayed {
  readonly seconds: number;
  readonly linesRead: number;
  readonly orders: number;
  readonly peakMb: number;
  readonly shopPeakMb: number;
  /** Seconds of processor time. */
  readonly cpu: { readonly command: number; readonly shop: number; readonly postgres: number };
  readonly profile: readonly string[];
}

interface ReplayFigures {
  readonly linesRead: number;
  readonly orders: { readonly placed: number };
  readonly invariants: { readonly held: number; readonly violated: number };
}

async function replayed(bench: Bench, name: 'month' | 'year', file: string): Promise<Replayed> {
  const shop = await startShop(bench, { dataDir: join(bench.dir, name) });
  if (bench.profile) await resetStatements(shop);
  const before = { shop: cpuMsOf(shop.pid), postgres: cpuMsOfFamily(shop.postgres.pid) };
  const { figures, seconds, peakMb, cpuMs } = await runReplay(bench, shop, file, timeoutMs[name]);
  if (figures.invariants.violated > 0 || figures.invariants.held === 0) {
    throw new Error(`invariants after the ${name}: ${JSON.stringify(figures.invariants)}`);
  }
  const shopPeakMb = memoryMbOf(shop.pid).peak;
  const cpu = {
    command: cpuMs / 1000,
    shop: (cpuMsOf(shop.pid) - before.shop) / 1000,
    postgres: (cpuMsOfFamily(shop.postgres.pid) - before.postgres) / 1000,
  };
  const statements = bench.profile ? await describeStatements(shop) : [];
  await shop.stop();
  return {
    seconds,
    linesRead: figures.linesRead,
    orders: figures.orders.placed,
    peakMb,
    shopPeakMb,
    cpu,
    profile: bench.profile ? [...statements, ...(await describeProfile(shop.profileDir))] : [],
  };
}

async function runReplay(
  bench: Bench,
  shop: Shop,
  file: string,
  timeoutMs: number,
): Promise<{ figures: ReplayFigures; seconds: number; peakMb: number; cpuMs: number }> {
  const startedAtMs = performance.now();
  const child = spawn(process.execPath, [stoa, 'replay', file, '--json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: timeoutMs,
    env: { ...process.env, STOA_URL: shop.url, STOA_ADMIN_EMAIL: admin.email, STOA_ADMIN_PASSWORD: admin.password },
  });
  bench.defer(async () => void child.kill('SIGKILL'));
  const texts = { out: '', error: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    texts.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    texts.error = (texts.error + text).slice(-4000);
  });
  let peakMb = 0;
  let cpuMs = 0;
  const watch = setInterval(() => {
    peakMb = Math.max(peakMb, memoryMbOf(child.pid as number).peak);
    cpuMs = Math.max(cpuMs, cpuMsOf(child.pid as number));
  }, 100);
  const code = await new Promise((done) => child.once('close', done));
  clearInterval(watch);
  if (code !== 0) throw new Error(`stoa replay ended with ${code}: ${texts.error}${shop.errors().slice(-1000)}`);
  return {
    figures: JSON.parse(texts.out) as ReplayFigures,
    seconds: (performance.now() - startedAtMs) / 1000,
    peakMb,
    cpuMs,
  };
}
