import { deepEqual, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { type EndedTokens, followRevocations } from './revocation-feed.ts';

test('nobody is believed before the list of ended tokens has been read once', async () => {
  let answer: () => Promise<EndedTokens> = () => Promise.reject(new Error('the database is away'));
  const ended: string[] = [];
  const feed = followRevocations(
    { endedTokens: () => answer(), hear: () => undefined },
    {
      ended: { user: () => undefined, session: (id) => void ended.push(id), apiKey: () => undefined },
      onAskFailed: () => undefined,
    },
  );
  await rejects(feed.begin(), { code: 'service.unavailable', kind: 'fault', retryAfterS: 1 });
  answer = async () =>
    ({ asOf: '2026-01-01T00:00:00.000Z', users: [], sessions: [{ sessionId: 'one' }], apiKeys: [] }) as never;
  await feed.begin();
  deepEqual(ended, ['one']);
  answer = () => Promise.reject(new Error('away again'));
  await feed.begin();
  feed.close();
});
