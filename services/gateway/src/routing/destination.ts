import type { LocalTarget } from '@stoa/platform/service';

/** Where a routed request is handed to. */
export interface Destination {
  readonly target: LocalTarget;
  /** Requests whose body is looked at for the account that it names, which has a quota of its own. */
  readonly countsAccounts: boolean;
  /** Requests that are no part of anybody's quota: probes. */
  readonly uncounted: boolean;
}
