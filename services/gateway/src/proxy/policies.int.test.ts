import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { afterEach, describe, test } from 'node:test';
import { createPolicies } from '@stoa/platform/resilience';
import { createMetrics, serveMetrics } from '@stoa/platform/telemetry';
import { goneReplica, httpReplica, type Replica, rawReplica, unreachableReplica } from '../testing/replicas.ts';
import { startTestGateway, type TestGateway } from '../testing/start-test-gateway.ts';

let gateway: TestGateway;
let scrape: Awaited<ReturnType<typeof serveMetrics>>;
let replicas: Replica[] = [];

async function start(given: readonly Replica[], environment: Record<string, string> = {}): Promise<void> {
  replicas = [...given];
  const metrics = createMetrics({ ofProcess: false });
  scrape = await serveMetrics(metrics, { port: 0 });
  const policies = createPolicies({ caller: 'gateway', metrics });
  const urls = given.map(({ url }) => url);
  gateway = await startTestGateway({ STOA_RATE_LIMITS: 'off', ...environment }, urls, { policies });
}
afterEach(async () => {
  await gateway.close();
  await scrape.close();
  await Promise.all(replicas.map((replica) => replica.close().catch(() => undefined)));
});

const url = (path: string) => `http://127.0.0.1:${gateway.port}${path}`;
const get = (path: string) => fetch(url(path));
const post = (path: string) => fetch(url(path), { method: 'POST', body: '{}' });
/** The series of a metric that /metrics shows, without its name. */
async function series(name: string): Promise<string[]> {
  const text = await (await fetch(scrape.url)).text();
  return text.split('\n').flatMap((line) => (line.startsWith(`${name}{`) ? [line.slice(name.length)] : []));
}
const told = async (answer: Response) => {
  const { code, detail } = (await answer.json()) as { code: string; detail: string };
  return [answer.status, code, detail];
};
/** The status that a client gets who sends the rest of its body late. */
const slow = (headers: string, body: string, rest?: string, afterMs = 450) =>
  new Promise<string>((resolve) => {
    const socket = connect(gateway.port, '127.0.0.1');
    socket.setEncoding('utf8').once('data', (answer: string) => {
      resolve(answer.slice(9, 12));
      socket.destroy();
    });
    socket.write(`POST /api/v1/quick HTTP/1.1\r\nHost: a\r\n${headers}\r\n\r\n${body}`);
    if (rest !== undefined) setTimeout(() => socket.write(rest), afterMs);
  });
/** Reads what waits only until it has to answer. */
const silent = () => httpReplica(() => undefined);
const good = () => httpReplica((_request, response) => response.end('{}'));

describe('at /metrics a gateway shows', () => {
  test('what it sent to another replica, and why', async () => {
    await start([await goneReplica(), await good()]);
    assert.equal((await get('/api/v1/things/1')).status, 200);
    assert.deepEqual(await series('stoa_client_retries_total'), [
      '{service="witness",operation="read",reason="not-begun"} 1',
    ]);
  });

  test('what it repeated, and what it did not because of the budget', async () => {
    const broken = await rawReplica((socket) => socket.destroy());
    await start([broken, await good()]);
    for (let request = 0; request < 20; request++) await get('/api/v1/things/1');
    const [repeated = ''] = await series('stoa_client_retries_total');
    const [refused = ''] = await series('stoa_client_rejections_total');
    assert.match(repeated, /^\{service="witness",operation="read",reason="failed"\} 1\d$/);
    assert.match(refused, /^\{service="witness",operation="read",reason="budget"\} [1-9]\d?$/);
    assert.equal(Number(repeated.split(' ')[1]) + Number(refused.split(' ')[1]), 20);
  });

  test('what it refused because as many wait for the service as may', async () => {
    await start([await silent()], { STOA_UPSTREAM_CONNECTIONS: '1' });
    const answers = Promise.all(Array.from({ length: 7 }, () => get('/api/v1/quick')));
    const statuses = (await answers).map(({ status }) => status).sort();
    assert.deepEqual(statuses, [503, 503, 504, 504, 504, 504, 504]);
    assert.deepEqual(await series('stoa_client_rejections_total'), [
      '{service="witness",operation="quick",reason="bulkhead"} 2',
    ]);
  });
});

describe('an operation that nobody answers in time', () => {
  test('is refused at once by the name of its service, and its siblings are not', async () => {
    await start([
      await httpReplica((request, response) => void (request.url?.endsWith('quick') || response.end('{}'))),
    ]);
    for (let request = 0; request < 3; request++) assert.equal((await get('/api/v1/quick')).status, 504);
    const startedMs = performance.now();
    const refused = await get('/api/v1/quick');
    assert.deepEqual(await told(refused), [
      503,
      'service.unavailable',
      'The witness service does not answer this in time; it is not asked for a moment.',
    ]);
    assert.equal(refused.headers.get('retry-after'), '1');
    assert.ok(performance.now() - startedMs < 150, 'it waited for nothing');
    assert.equal((await get('/api/v1/things/1')).status, 200);
    const states = await series('stoa_client_breaker_state');
    assert.ok(states.includes('{service="witness",operation="quick"} 2'), states.join());
    assert.ok(states.includes('{service="witness",operation="read"} 0'), states.join());
    assert.deepEqual(await series('stoa_client_rejections_total'), [
      '{service="witness",operation="quick",reason="breaker"} 1',
    ]);
  });

  test('is asked again a moment later by one request, whose answer opens the way for all', async () => {
    let isSilent = true;
    await start([await httpReplica((_request, response) => void (isSilent || response.end('{}')))]);
    for (let request = 0; request < 3; request++) await get('/api/v1/quick');
    isSilent = false;
    const statuses: number[] = [];
    for (const endMs = performance.now() + 5_000; performance.now() < endMs && statuses.at(-1) !== 200; )
      statuses.push((await get('/api/v1/quick')).status);
    assert.deepEqual([...new Set(statuses)], [503, 200]);
    const together = await Promise.all(Array.from({ length: 5 }, () => get('/api/v1/quick')));
    assert.ok(together.every(({ status }) => status === 200));
  });

  test('is not one whose clients are slow to send what is to be answered', async () => {
    let isSilent = true;
    await start([await httpReplica((_request, response) => void (isSilent || response.end('{}')))]);
    const answers = await Promise.all([
      ...Array.from({ length: 3 }, () => slow('Content-Length: 2', '{', '}')),
      ...Array.from({ length: 3 }, () => slow('Transfer-Encoding: chunked', '1\r\n{\r\n')),
    ]);
    assert.deepEqual(answers, ['504', '504', '504', '408', '408', '408']);
    isSilent = false;
    assert.equal((await post('/api/v1/quick')).status, 200);
    assert.deepEqual(new Set(gateway.told.map(({ outcome }) => outcome)), new Set(['unknown', 'ok']));
  });

  test('is not one whose clients send the end of a body in chunks just before the gateway gives up', async () => {
    const healthy = () =>
      httpReplica((request, response) => request.resume().once('end', () => setTimeout(() => response.end('{}'), 400)));
    await start([await healthy(), await healthy()]);
    const answers = Array.from({ length: 6 }, () =>
      // The gateway gives up between 1,600 and 1,850 ms, for the operation has 600.
      slow('Transfer-Encoding: chunked', '1\r\n{\r\n', '1\r\n}\r\n0\r\n\r\n', 1_500),
    );
    assert.deepEqual(new Set(await Promise.all(answers)), new Set(['504']));
    assert.equal((await post('/api/v1/quick')).status, 200);
    assert.deepEqual(new Set(gateway.told.map(({ outcome }) => outcome)), new Set(['unknown', 'ok']));
  });

  test('is found out after the clock was set back as well', async (t) => {
    let isSilent = false;
    await start([await httpReplica((_request, response) => void (isSilent || response.end('{}')))]);
    assert.equal((await get('/api/v1/quick')).status, 200);
    isSilent = true;
    const { now } = Date;
    t.mock.method(Date, 'now', () => now() - 300_000);
    for (let request = 0; request < 3; request++) assert.equal((await get('/api/v1/quick')).status, 504);
    assert.equal((await get('/api/v1/quick')).status, 503);
  });

  test('because the only replica cannot be connected to is refused at once too', async () => {
    await start([await unreachableReplica()]);
    const first = await Promise.all(Array.from({ length: 3 }, () => get('/api/v1/things/1')));
    for (const answer of first)
      assert.deepEqual(await told(answer), [503, 'service.unavailable', 'The witness service cannot be reached.']);
    const startedMs = performance.now();
    assert.equal((await get('/api/v1/things/1')).status, 503);
    assert.ok(performance.now() - startedMs < 500, 'it did not wait for a connection');
  });

  test('because it is gone, which is told at once, is seen the moment it is back', async () => {
    const gone = await goneReplica();
    await start([gone]);
    for (let request = 0; request < 10; request++) assert.equal((await post('/api/v1/things')).status, 503);
    assert.ok((await series('stoa_client_breaker_state')).includes('{service="witness",operation="write"} 0'));
    replicas.push(await httpReplica((_request, response) => response.end('{}'), Number(new URL(gone.url).port)));
    assert.equal((await post('/api/v1/things')).status, 200);
  });
});
