/** What the exit codes of every command mean. */
export const exitCodes = { failed: 1, usage: 2, 'not-found': 3, conflict: 4, unavailable: 5, violated: 6 } as const;
export type Ending = keyof typeof exitCodes;

/** Why a command ends without having done its work. The message is for people and says what to do. */
export class CliError extends Error {
  readonly ending: Ending;

  constructor(ending: Ending, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CliError';
    this.ending = ending;
  }
}

export function cliError(ending: Ending, message: string, options?: ErrorOptions): CliError {
  return new CliError(ending, message, options);
}
