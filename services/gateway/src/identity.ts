import { anonymous, type Principal } from '@stoa/platform/schema';

/** Staff sees more than customers do, and nobody else may be shown it. */
export function seesWhatAllSee(principal: Principal): boolean {
  return (
    principal === anonymous ||
    principal.kind === 'anonymous' ||
    (principal.kind === 'user' && principal.role === 'customer')
  );
}
