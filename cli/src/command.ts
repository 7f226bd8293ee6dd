import type { Environment } from '@stoa/platform/config';
import { isId } from '@stoa/platform/ids';
import { type Command, InvalidArgumentError } from 'commander';

/** What a command gets from outside, so that tests can give it something else. */
export interface Surroundings {
  readonly environment: Environment;
  /** Data goes here. */
  readonly write: (text: string) => void;
  /** Everything for people goes here. */
  readonly tell: (text: string) => void;
}

export interface JsonOption {
  readonly json?: boolean;
}

/** The option that every command has, and examples at the end of its help. */
export function describe(command: Command, examples: readonly string[]): Command {
  return command
    .option('--json', 'print data as JSON on stdout; everything else goes to stderr')
    .addHelpText('after', `\nExamples:\n${examples.map((example) => `  $ npx stoa ${example}`).join('\n')}`);
}

export function printJson({ write }: Surroundings, value: unknown): void {
  write(`${JSON.stringify(value, null, 2)}\n`);
}

/** Rows as columns that stand below each other. */
export function printTable(
  { write }: Surroundings,
  head: readonly string[],
  rows: readonly (readonly string[])[],
): void {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  for (const row of [head, ...rows]) {
    write(
      `${row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd()}\n`,
    );
  }
}

/** A whole number from 1 on, for options. */
export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('It has to be a whole number above 0.');
  return value;
}

/** An id, for arguments: of what the command lists that is named. */
export function idFrom(command: string): (text: string) => string {
  return (text) => {
    if (!isId(text)) throw new InvalidArgumentError(`It has to be an id, as npx stoa ${command} lists them.`);
    return text;
  };
}
