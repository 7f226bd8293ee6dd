import { deepEqual, equal, rejects } from 'node:assert/strict';
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

test('whoever waits hears of what ended before, though a question was under way that looked too early, and of nothing later', async () => {
  const answers: ((sessionId: string) => void)[] = [];
  const ended: string[] = [];
  const feed = followRevocations(
    {
      endedTokens: () =>
        new Promise((resolve) => {
          answers.push((sessionId) =>
            resolve({ asOf: '2026-01-01T00:00:00.000Z', users: [], sessions: [{ sessionId }], apiKeys: [] }),
          );
        }),
      hear: () => undefined,
    },
    {
      ended: { user: () => undefined, session: (id) => void ended.push(id), apiKey: () => undefined },
      onAskFailed: () => undefined,
    },
  );
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  feed.catchUp();
  feed.catchUp();
  let heard: string[] | undefined;
  void feed.catchingUp?.then(() => {
    heard = [...ended];
  });
  answers[0]?.('one');
  await turn();
  deepEqual([heard, answers.length], [undefined, 2]);
  feed.catchUp();
  answers[1]?.('two');
  await turn();
  deepEqual([heard, answers.length], [['one', 'two'], 3]);
  answers[2]?.('three');
  await turn();
  equal(feed.catchingUp, undefined);
  feed.close();
});
