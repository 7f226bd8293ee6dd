import { fault } from '../errors/index.ts';

/** Tokens that ended before they expired. Times are RFC 3339. */
export interface EndedTokens {
  /** What to ask from next time. */
  readonly asOf: string;
  readonly users: readonly { readonly userId: string; readonly tokensValidFrom: string }[];
  readonly sessions: readonly { readonly sessionId: string }[];
  readonly apiKeys: readonly { readonly keyId: string }[];
}

/** Where ended tokens are noted. */
export interface HearEnded {
  /** Every token of a user that was issued before. */
  user(userId: string, beforeMs: number): void;
  session(sessionId: string): void;
  apiKey(keyId: string): void;
}

/** Who knows of ended tokens: by events that pass through this process, and when asked. */
export interface EndedTokensSource {
  endedTokens(since: string | undefined): Promise<EndedTokens>;
  hear(ended: HearEnded): void;
}

/** Keeps the set of ended tokens up to date. */
export interface RevocationFeed {
  /**
   * Asks for the first time and from then on at intervals: who has believed no token needs no list. Settles when a first question has been answered.
   *
   * @throws AppError `service.unavailable` when it was not: tokens may have ended before this process began
   */
  begin(): Promise<void>;
  /** Asks again at once: somebody has just changed an account through this process. */
  catchUp(): void;
  /** Settles when what `catchUp` was last called for has been answered; undefined when nothing is being asked. For requests that may use a token just ended. */
  readonly catchingUp: Promise<void> | undefined;
  close(): void;
}

const everyMs = 2_000;

/** Hears of ended tokens by events of this process, and asks every two seconds for what no event told. */
export function followRevocations(
  source: EndedTokensSource,
  { ended, onAskFailed }: { ended: HearEnded; onAskFailed: (error: unknown) => void },
): RevocationFeed {
  let since: string | undefined;
  let asking: Promise<void> | undefined;
  let following: Promise<void> | undefined;
  source.hear(ended);

  async function ask(): Promise<void> {
    try {
      const answer = await source.endedTokens(since);
      since = answer.asOf;
      for (const user of answer.users) ended.user(user.userId, Date.parse(user.tokensValidFrom));
      for (const session of answer.sessions) ended.session(session.sessionId);
      for (const key of answer.apiKeys) ended.apiKey(key.keyId);
    } catch (error) {
      onAskFailed(error);
    }
  }

  /** One question at a time, and one more after it for all who came meanwhile: the one under way may have looked too early for them. */
  function catchUp(): void {
    if (asking === undefined) asking = askInTurn();
    else following ??= asking.then(askInTurn);
  }

  function askInTurn(): Promise<void> {
    return ask().finally(() => {
      asking = following;
      following = undefined;
    });
  }

  let begun: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;

  function begin(): Promise<void> {
    begun ??= ask().then(() => {
      if (since !== undefined) return;
      begun = undefined;
      throw fault('service.unavailable', 'It cannot be told yet which tokens have ended.', { retryAfterS: 1 });
    });
    timer ??= setInterval(() => void ask(), everyMs).unref();
    return begun;
  }

  return {
    begin,
    catchUp,
    get catchingUp() {
      return following ?? asking;
    },
    close: () => clearInterval(timer),
  };
}
