import { userEvents } from '@stoa/contracts/user-messages';
import { reaction } from '@stoa/platform/service';
import type { OrderDeps } from '../deps.ts';

/** Forgets what is remembered of an account, so that a deactivated one stops ordering at once. */
export const onUserChanged = reaction<typeof userEvents.userChanged, OrderDeps>(
  userEvents.userChanged,
  ({ payload }, tx, service) => {
    tx.afterCommit(() => service.deps.customers.forget(payload.userId));
  },
);
