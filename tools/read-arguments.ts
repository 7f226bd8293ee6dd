import { type ParseArgsConfig, parseArgs } from 'node:util';

type Options = NonNullable<ParseArgsConfig['options']>;

/** The options and other words this program was started with. `--help` prints the usage and ends it; an option there is not ends it with code 2. */
export function readArguments<const O extends Options>(usage: string, options: O) {
  try {
    const help = { type: 'boolean', short: 'h' } as const;
    const { values, positionals } = parseArgs({ allowPositionals: true, options: { ...options, help } });
    if (!('help' in values)) return { values, positionals };
  } catch (error) {
    if (!(error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS_')) throw error;
    refuse(`${(error as Error).message.split('. ')[0]}.`, usage);
  }
  process.stdout.write(usage);
  process.exit(0);
}

/** Ends the program with code 2 when it was asked for something there is not. */
export function refuseUnknown(words: readonly string[], known: readonly string[], usage: string): void {
  const unknown = words.filter((word) => !known.includes(word));
  if (unknown.length > 0) refuse(`There is nothing named ${unknown.join(', ')}.`, usage);
}

function refuse(problem: string, usage: string): never {
  process.stderr.write(`${problem}\n\n${usage}`);
  process.exit(2);
}
