import { cliError } from '../cli-error.ts';

/** A list of what a service has that there is not would be empty, and taken for nothing that is wrong. */
export async function refuseStrangeServices(names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  // Loaded only for those who name one: it brings every service with it.
  const { definitionsOf } = await import('@stoa/system');
  try {
    definitionsOf(names);
  } catch (error) {
    throw cliError('usage', (error as Error).message, { cause: error });
  }
}
