import { cliError } from '../cli-error.ts';

/** What was printed is not all, when services did not answer: whoever watches for what is wrong must not take that for nothing. */
export function refuseSilence(services: Iterable<string>): void {
  const silent = [...services];
  if (silent.length > 0) throw cliError('unavailable', `These services did not answer: ${silent.join(', ')}.`);
}
