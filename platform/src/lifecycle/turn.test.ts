import { deepEqual, ok } from 'node:assert/strict';
import fs from 'node:fs/promises';
import { afterEach, describe, mock, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isBusy, turn } from './turn.ts';

const settlesWithinMs = 10_000;

/** Whether the machine has time to spare: as this file has it, whatever else runs meanwhile. */
let machineHasTime = true;
const spent = { user: 0, idle: 0 };
mock.method(fs, 'readFile', async () => {
  spent[machineHasTime ? 'idle' : 'user'] += 100;
  return `cpu  ${spent.user} 0 0 ${spent.idle} 0 0 0 0 0 0\ncpu0 0 0 0 0 0 0 0 0 0 0\n`;
});

let working = false;
/** One for each turn of the event loop that the process has spent on work. */
let workedTurns = 0;

/** Gives the process work in every turn of its event loop until it knows that it is busy. */
async function keepBusy(): Promise<void> {
  working = true;
  const work = () => {
    if (!working) return;
    const endMs = performance.now() + 0.5;
    while (performance.now() < endMs);
    workedTurns++;
    setImmediate(work);
  };
  work();
  await untilBusyIs(true);
}

async function rest(): Promise<void> {
  working = false;
  machineHasTime = true;
  await untilBusyIs(false);
}

async function untilBusyIs(wanted: boolean): Promise<void> {
  const deadlineMs = performance.now() + settlesWithinMs;
  while (isBusy() !== wanted) {
    ok(performance.now() < deadlineMs, `the process knows that it is ${wanted ? 'busy' : 'at rest'}`);
    await sleep(10);
  }
}

/** Names in the order in which their turns came; throws when one has not come in time. */
async function inOrderOfTurns(names: readonly string[]): Promise<string[]> {
  const came: string[] = [];
  const all = Promise.all(names.map((name) => turn().then(() => came.push(name))));
  const tooLate = sleep(settlesWithinMs, 'too late', { ref: false });
  ok((await Promise.race([all, tooLate])) !== 'too late', `only ${came.length} of ${names.length} came to their turn`);
  return came;
}

const names = Array.from({ length: 200 }, (_, at) => `batch ${at}`);

afterEach(rest);

describe('a process with time to spare', () => {
  test('begins a batch in the next turn of its loop, with all that came in this one', async () => {
    const waiting: string[] = [];
    const batch = turn().then(() => waiting.splice(0));
    setImmediate(() => waiting.push('in the next turn'));
    waiting.push('at once');
    process.nextTick(() => waiting.push('in this tick'));
    queueMicrotask(() => waiting.push('by a promise'));
    deepEqual((await batch).sort(), ['at once', 'by a promise', 'in this tick']);
  });

  test('lets batches begin in the order in which they were asked for', async () => {
    deepEqual(await inOrderOfTurns(names), names);
  });
});

describe('a busy process', () => {
  test('begins batches later, so that what comes in several turns of its loop shares one', async () => {
    await keepBusy();
    let shared = 0;
    for (let batch = 0; batch < 20; batch++) {
      const before = workedTurns;
      await turn();
      shared += workedTurns - before;
    }
    ok(shared >= 2 * 20, `20 batches took in what came in ${shared} turns`);
  });

  test('lets every batch begin, in the order in which they were asked for', async () => {
    await keepBusy();
    deepEqual(await inOrderOfTurns(names), names);
  });

  test('lingers no more once it has had a rest', async () => {
    await keepBusy();
    await rest();
    const order: string[] = [];
    const batch = turn().then(() => order.push('batch'));
    setImmediate(() => order.push('the turn after'));
    await batch;
    deepEqual(order, ['batch']);
  });
});

describe('a process at rest on a machine that is not', () => {
  test('begins batches later too, until the machine has time again', async () => {
    await untilTurnsTake((turns) => turns > 3, false);
    await untilTurnsTake((turns) => turns <= 1, true);
  });

  async function untilTurnsTake(isEnough: (turns: number) => boolean, hasTime: boolean): Promise<void> {
    machineHasTime = hasTime;
    const deadlineMs = performance.now() + settlesWithinMs;
    for (let turns = -1; !isEnough(turns); ) {
      ok(performance.now() < deadlineMs, `a batch begins after ${turns} turns`);
      turns = 0;
      let begun = false;
      const batch = turn().then(() => {
        begun = true;
      });
      const count = () => {
        if (begun) return;
        turns++;
        setImmediate(count);
      };
      setImmediate(count);
      await batch;
      await sleep(20);
    }
  }
});
