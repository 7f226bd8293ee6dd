import type { NewCharge } from '../../store/sandbox-charges.ts';

/** How the sandbox treats a token. */
export interface Behaviour {
  /** What becomes of the charge. */
  readonly state: NewCharge['state'];
  readonly detail?: string;
  /** Answers after this time. */
  readonly delayMs?: number;
  /** Does what is asked and never answers. */
  readonly losesAnswer?: boolean;
  /** Fails the first call before anything is taken. */
  readonly failsOnce?: boolean;
  /** Fails every authorisation and every look-up, as a provider that is down. */
  readonly isDown?: boolean;
}

const behaviours: Readonly<Record<string, Behaviour>> = {
  tok_approved: { state: 'authorised' },
  tok_declined: { state: 'declined', detail: 'The card was declined.' },
  tok_insufficient_funds: { state: 'declined', detail: 'The card has insufficient funds.' },
  tok_slow: { state: 'authorised', delayMs: 2_000 },
  tok_timeout: { state: 'authorised', losesAnswer: true },
  tok_error_once: { state: 'authorised', failsOnce: true },
  tok_capture_fails: { state: 'authorised' },
  tok_async: { state: 'pending' },
  tok_unavailable: { state: 'authorised', isDown: true },
};

export function behaviourOf(token: string): Behaviour {
  return Object.hasOwn(behaviours, token)
    ? (behaviours[token] as Behaviour)
    : { state: 'declined', detail: 'The sandbox does not know this token.' };
}
