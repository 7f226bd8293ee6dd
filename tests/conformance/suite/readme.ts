import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before } from 'node:test';
import { promisify } from 'node:util';
import { createLog } from '@stoa/platform/telemetry';
import { seedDemo } from '@stoa/system';
import { admin } from '../../shop.ts';
import type { Conformance } from '../conform.ts';

const run = promisify(execFile);
const root = new URL('../../../', import.meta.url);

/** What the pages tell a newcomer to type. */
export function readme({ place, test }: Conformance): void {
  let url: string;
  let folder: string;

  before(async () => {
    ({ url } = place().shop);
    folder = await mkdtemp(join(tmpdir(), 'stoa-readme-'));
    await seedDemo({ url, admin, log: createLog({ level: 'error' }) });
  });

  after(() => rm(folder, { recursive: true, force: true }));

  for (const page of ['README.md', 'docs/guides/first-order.md']) {
    test(`the commands of ${page} answer what it says`, async () => {
      const steps = stepsOf(await readFile(new URL(page, root), 'utf8'));
      assert.ok(
        steps.some(({ says }) => says !== undefined),
        'a page that promises nothing proves nothing',
      );
      for (const [at, { says }] of steps.entries()) {
        const answer = await answerOf(steps.slice(0, at), steps[at] as Step);
        if (says === undefined) continue;
        const whole: unknown = JSON.parse(answer);
        assert.deepEqual(partOf(whole, JSON.parse(says)), JSON.parse(says), `step ${at + 1}: ${answer}`);
      }
    });
  }

  test('the first order, asked for again, is answered with the same bytes', async () => {
    const [order] = stepsOf(await readFile(new URL('README.md', root), 'utf8'));
    assert.ok(order);
    assert.equal(await answerOf([], order), await answerOf([], order));
  });

  /** What the last command of a step prints. Earlier steps are only asked for the variables that they set. */
  async function answerOf(earlier: readonly Step[], { commands }: Step): Promise<string> {
    const variables = earlier.flatMap((step) => step.commands.match(/^\w+=\$\(.*\)$/gm) ?? []);
    const script = ['set -euo pipefail', ...variables, commands.replaceAll('http://localhost:3000', url)].join('\n');
    const { stdout } = await run('bash', ['-c', script], {
      cwd: folder,
      env: { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH}` },
    });
    return stdout.slice(Math.max(stdout.lastIndexOf('}{') + 1, 0));
  }
}

interface Step {
  readonly commands: string;
  /** A part of the last answer. */
  readonly says: string | undefined;
}

/** Shell blocks in order, each with the JSON block that follows it. */
function stepsOf(page: string): Step[] {
  return [...page.matchAll(/```sh\n([\s\S]*?)```(?:\s*```json\n([\s\S]*?)```)?/g)].map(([, commands = '', says]) => ({
    commands,
    says,
  }));
}

/** Of a value only what a pattern names, at every depth. */
function partOf(value: unknown, pattern: unknown): unknown {
  if (Array.isArray(pattern) && Array.isArray(value)) return value.map((item, at) => partOf(item, pattern[at]));
  if (typeof pattern !== 'object' || pattern === null || typeof value !== 'object' || value === null) return value;
  const whole = value as Record<string, unknown>;
  return Object.fromEntries(Object.entries(pattern).map(([name, inner]) => [name, partOf(whole[name], inner)]));
}
