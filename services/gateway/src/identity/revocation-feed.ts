import { userContract } from '@stoa/contracts/user';
import { userEvents } from '@stoa/contracts/user-messages';
import type { Revocations } from '@stoa/platform/auth';
import type { EventType, PayloadOf } from '@stoa/platform/schema';
import type { EdgeHost } from '@stoa/platform/service';
import { identifyRequest } from '../request/trace.ts';
import type { ApiKeys } from './api-keys.ts';

/** Keeps the set of ended tokens up to date. */
export interface RevocationFeed {
  /** Asks again at once: somebody has just changed an account through this gateway. */
  catchUp(): void;
  /** Settles when what was asked has been answered; undefined when nothing is being asked. For requests that may use a token just ended. */
  readonly catchingUp: Promise<void> | undefined;
  close(): void;
}

const everyMs = 2_000;
const askMs = 1_000;

/** Hears of ended tokens by events of this process, and asks the user service every two seconds for what no event told. */
export function followRevocations(host: EdgeHost, revocations: Revocations, keys: ApiKeys): RevocationFeed {
  const users = host.client(userContract);
  let since: string | undefined;
  let asking: Promise<void> | undefined;
  let again = false;

  hear(host, userEvents.userChanged, ({ userId, tokensValidFrom }) =>
    revocations.revokeUser(userId, Date.parse(tokensValidFrom)),
  );
  hear(host, userEvents.userErased, ({ userId, erasedAt }) => revocations.revokeUser(userId, Date.parse(erasedAt)));
  hear(host, userEvents.sessionEnded, ({ sessionId }) => revocations.revokeSession(sessionId));
  hear(host, userEvents.apiKeyRevoked, ({ keyId }) => keys.revoke(keyId));

  async function ask(): Promise<void> {
    try {
      const answer = await users.listRevocations(
        { query: since === undefined ? {} : { since } },
        { cause: identifyRequest(undefined, undefined).cause, deadlineMs: host.clock.nowMs() + askMs },
      );
      since = answer.asOf;
      for (const user of answer.users) revocations.revokeUser(user.userId, Date.parse(user.tokensValidFrom));
      for (const session of answer.sessions) revocations.revokeSession(session.sessionId);
      for (const key of answer.apiKeys) keys.revoke(key.keyId);
    } catch (error) {
      host.log.debug({ err: error }, 'the list of ended tokens could not be read; it is asked for again');
    }
  }

  /** One question at a time, and one more after it for all who came meanwhile: the one under way may have looked too early for them. */
  function catchUp(): void {
    if (asking !== undefined) {
      again = true;
      return;
    }
    asking = ask().finally(() => {
      asking = undefined;
      if (!again) return;
      again = false;
      catchUp();
    });
  }

  const timer = setInterval(() => void ask(), everyMs);
  timer.unref();
  return {
    catchUp,
    get catchingUp() {
      return asking;
    },
    close: () => clearInterval(timer),
  };
}

function hear<E extends EventType>(host: EdgeHost, event: E, react: (payload: PayloadOf<E>) => void): void {
  host.onEvent(event.type, (message) => react(message.payload as PayloadOf<E>));
}
