import { cliError } from '../cli-error.ts';

/** A list of what a service has that there is not would be empty, and taken for nothing that is wrong. */
export async function refuseStrangeServices(names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  // Loaded only for those who name one: it brings every service with it.
  const { serviceNames } = await import('@stoa/system');
  const strange = names.filter((name) => !serviceNames.includes(name));
  if (strange.length > 0)
    throw cliError('usage', `There is no service called ${strange.join(', ')}. There are ${serviceNames.join(', ')}.`);
}
