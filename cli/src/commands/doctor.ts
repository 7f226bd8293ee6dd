import type { Command } from 'commander';
import { cliError } from '../cli-error.ts';
import { describe, type JsonOption, printJson, type Surroundings } from '../command.ts';

/** `stoa doctor` */
export function addDoctor(program: Command, surroundings: Surroundings): void {
  const command = program
    .command('doctor')
    .summary('find out why something does not work')
    .description(
      'Looks at Node, the ports, the data directory, the databases and the services, and says what to do about what is wrong.',
    );
  describe(command, ['doctor', 'doctor --json']);
  command.action(async ({ json }: JsonOption) => {
    const { examine } = await import('../doctor/examine.ts');
    const found = await examine(surroundings.environment);
    if (json) printJson(surroundings, { healthy: found.every(({ state }) => state !== 'bad'), checks: found });
    else {
      for (const { name, state, detail, advice } of found) {
        surroundings.write(`${{ good: '  ok ', note: 'note ', bad: ' BAD ' }[state]} ${name.padEnd(16)} ${detail}\n`);
        if (advice) surroundings.write(`      ${' '.repeat(16)} → ${advice}\n`);
      }
    }
    const bad = found.filter(({ state }) => state === 'bad');
    if (bad.length > 0) throw cliError('failed', `Not in order: ${bad.map(({ name }) => name).join(', ')}.`);
  });
}
