import { userContract } from '@stoa/contracts/user';
import { userEvents } from '@stoa/contracts/user-messages';
import type { UserDirectory } from '@stoa/platform/auth';
import { newId } from '@stoa/platform/ids';
import type { EventType, PayloadOf } from '@stoa/platform/schema';
import type { CallersHost } from '@stoa/platform/service';

/** For what somebody waits who has shown a token. */
const waitedForMs = 3_000;
/** For what is asked every two seconds. */
const askedAgainMs = 1_000;

/** Accounts, keys and ended tokens as the user service keeps them. */
export function userDirectory({ client, clock, onEvent }: CallersHost): UserDirectory {
  const users = client(userContract);
  const within = (ms: number, cause = { correlationId: newId() }) => ({ cause, deadlineMs: clock.nowMs() + ms });
  const on = <E extends EventType>(event: E, react: (payload: PayloadOf<E>) => void) =>
    onEvent(event.type, ({ payload }) => react(payload as PayloadOf<E>));
  return {
    keySet: () => users.getKeySet({}, within(waitedForMs)),
    apiKey: (hash, cause) => users.verifyApiKey({ body: { hash } }, within(waitedForMs, cause)),
    endedTokens: (since) =>
      since === undefined
        ? users.listRevocations({ query: {} }, within(waitedForMs))
        : users.listRevocations({ query: { since } }, within(askedAgainMs)),
    hear(ended) {
      on(userEvents.userChanged, ({ userId, tokensValidFrom }) => ended.user(userId, Date.parse(tokensValidFrom)));
      on(userEvents.userErased, ({ userId, erasedAt }) => ended.user(userId, Date.parse(erasedAt)));
      on(userEvents.sessionEnded, ({ sessionId }) => ended.session(sessionId));
      on(userEvents.apiKeyRevoked, ({ keyId }) => ended.apiKey(keyId));
    },
  };
}
