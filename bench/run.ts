// `npm run bench`: measures what docs/explanation/speed.md explains.

import { rm } from 'node:fs/promises';
import { newDataDir } from '@stoa/platform/testing';
import { readArguments, refuseUnknown } from '../tools/read-arguments.ts';
import { type Machine, processorTimes, stolenShare, thisMachine } from './harness/machine.ts';
import { markdownReport, printReport } from './harness/print-report.ts';
import { isMet, type Report, ratioOf, type Scenario } from './harness/scenario.ts';
import { browse } from './scenarios/browse.ts';
import { checkout } from './scenarios/checkout.ts';
import { messages } from './scenarios/messages.ts';
import { placement } from './scenarios/placement.ts';
import { recovery } from './scenarios/recovery.ts';
import { relay } from './scenarios/relay.ts';
import { replay } from './scenarios/replay.ts';
import { saga } from './scenarios/saga.ts';
import { startup } from './scenarios/startup.ts';

const scenarios: Readonly<Record<string, Scenario>> = {
  checkout,
  browse,
  saga,
  messages,
  startup,
  replay,
  placement,
  relay,
  recovery,
};

const usage = `Usage: npm run bench -- [scenario …] [--json | --markdown] [--quick] [--profile]

${Object.entries(scenarios)
  .map(([name, { about }]) => `  ${name.padEnd(9)} ${about}`)
  .join('\n')}

  --json      figures as JSON on stdout
  --markdown  figures as tables for docs/explanation/speed.md
  --quick     smaller counts: whether everything works, not how fast
  --profile   servers run under Node's profiler; prints where the time went
`;

const { values, positionals } = readArguments(usage, {
  json: { type: 'boolean', default: false },
  markdown: { type: 'boolean', default: false },
  quick: { type: 'boolean', default: false },
  profile: { type: 'boolean', default: false },
});
refuseUnknown(positionals, Object.keys(scenarios), usage);

let stopAll: (() => Promise<void>) | undefined;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void Promise.resolve(stopAll?.()).finally(() => process.exit(130)));
}

const reports: Record<string, Measured> = {};
const failures: string[] = [];
for (const [name, scenario] of Object.entries(scenarios)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  try {
    const machine = thisMachine();
    const before = processorTimes();
    const report = { ...(await measure(name, scenario)), machine, stolen: stolenShare(before) };
    reports[name] = report;
    if (values.markdown) process.stdout.write(markdownReport(name, surroundings(report), report));
    else if (!values.json)
      process.stdout.write(printReport(name, `${scenario.about}\n${surroundings(report)}`, report));
  } catch (error) {
    failures.push(name);
    process.stderr.write(`${name} could not run: ${error instanceof Error ? error.stack : error}\n`);
  }
}
if (values.json) process.stdout.write(`${JSON.stringify(asJson(), null, 2)}\n`);
process.exit(failures.length > 0 ? 1 : 0);

async function measure(name: string, scenario: Scenario): Promise<Report> {
  const dir = await newDataDir(`stoa-bench-${name}-`);
  const stops: (() => Promise<void>)[] = [() => rm(dir, { recursive: true, force: true })];
  let stopping: Promise<void> | undefined;
  const stopInReverse = async () => {
    for (let stop = stops.pop(); stop; stop = stops.pop()) {
      await stop().catch((error: unknown) => process.stderr.write(`${name}: cleaning up: ${error}\n`));
    }
  };
  // A signal and the end of the scenario may both ask: the folder must not go before the servers in it have stopped.
  stopAll = () => (stopping ??= stopInReverse());
  try {
    return await scenario.run({
      quick: values.quick,
      profile: values.profile,
      dir,
      say: (line) => void process.stderr.write(`${name}: ${line}\n`),
      defer: (stop) => void stops.push(stop),
    });
  } finally {
    await stopAll();
  }
}

interface Measured extends Report {
  readonly machine: Machine;
  readonly stolen: number | undefined;
}

function surroundings({ machine, stolen }: Measured): string {
  const { cores, processor, memoryGb, loadBefore } = machine;
  const lost = stolen === undefined ? '' : `, ${(stolen * 100).toFixed(1)} % of its time given to other machines`;
  return `${new Date().toISOString()}, ${cores} × ${processor}, ${memoryGb} GB, load ${loadBefore.toFixed(1)} before${lost}, Node ${process.version}`;
}

function asJson() {
  const figuresOf = ({ figures }: Report) =>
    figures.map((figure) => ({ ...figure, ratio: ratioOf(figure), met: isMet(figure) }));
  return {
    at: new Date().toISOString(),
    node: process.version,
    quick: values.quick,
    scenarios: Object.fromEntries(
      Object.entries(reports).map(([name, report]) => [name, { ...report, figures: figuresOf(report) }]),
    ),
    couldNotRun: failures,
  };
}
