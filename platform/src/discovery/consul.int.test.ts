// needs: consul
import { deepEqual, equal, match, rejects, throws } from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { readSettings } from '../config/index.ts';
import { findAppError } from '../errors/index.ts';
import { createLog } from '../telemetry/index.ts';
import { type ConsulServer, startConsulServer } from '../testing/index.ts';
import { openConsulSource } from './consul-source.ts';
import { createDiscovery, type Discovery, discoverySettings } from './index.ts';
import { openCountingProxy } from './testing/open-counting-proxy.ts';
import { openInstance, type TestInstance } from './testing/open-instance.ts';
import { until } from './testing/until.ts';

const log = createLog({ level: 'silent' });
let consul: ConsulServer;
let opened: { close(): Promise<void> }[] = [];

before(async () => {
  consul = await startConsulServer();
});
after(async () => consul.stop());
afterEach(async () => {
  for (const thing of opened.reverse()) await thing.close();
  opened = [];
});

async function discover(
  how: { url?: string; token?: string; protocol?: string; services?: string[] } = {},
): Promise<Discovery> {
  const { url = consul.url, token = '', protocol = 'http', services } = how;
  const environment = { STOA_DISCOVERY: 'consul', STOA_CONSUL_URL: url, STOA_CONSUL_TOKEN: token };
  const discovery = await createDiscovery(readSettings(environment, discoverySettings), {
    log,
    environment,
    defaultUrl: () => `${protocol}://127.0.0.1:1`,
    patienceMs: 1_000,
    ...(services && { services }),
  });
  opened.push(discovery);
  return discovery;
}

async function instance(port?: number): Promise<TestInstance> {
  const open = await openInstance(port);
  opened.push(open);
  return open;
}

/** An instance that is reached over TLS, of which Consul sees no more than that its door is open. */
async function secure() {
  const { port, close } = await instance();
  const state = {
    url: `https://127.0.0.1:${port}`,
    port,
    close,
    /** Why it is not ready. */
    says: undefined as string | undefined,
    hangs: false,
    problem: () => (state.hangs ? new Promise<undefined>(() => undefined) : Promise.resolve(state.says)),
  };
  return state;
}

function sees(
  discovery: Discovery,
  service: string,
  ...instances: readonly { readonly url: string }[]
): Promise<unknown> {
  const wanted = instances.map(({ url }) => url).sort();
  const seen = () =>
    discovery
      .endpoints(service)
      .map(({ url }) => url)
      .sort();
  return until(seen, (urls) => JSON.stringify(urls) === JSON.stringify(wanted));
}

async function idsIn(server: ConsulServer): Promise<string[]> {
  return Object.keys((await server.ask('/v1/agent/services')) as object);
}

test('an instance is found once its check passes, and is gone once it is deregistered', async () => {
  const [ours, theirs] = [await discover(), await discover({ services: ['order'] })];
  const [one, two] = [await instance(), await instance()];
  throws(
    () => theirs.acquire('order'),
    (error) => findAppError(error)?.code === 'service.unavailable',
  );
  one.isReady = false;
  await ours.register({ service: 'order', url: one.url });
  const second = await ours.register({ service: 'order', url: two.url });
  await sees(theirs, 'order', two);
  one.isReady = true;
  await sees(theirs, 'order', one, two);
  equal(theirs.acquire('order', one.url).url, two.url);
  await second.deregister();
  await sees(theirs, 'order', one);
});

test('an instance that is no longer ready gets no calls until it is again', async () => {
  const discovery = await discover();
  const [one, two] = [await instance(), await instance()];
  await discovery.register({ service: 'product', url: one.url });
  await discovery.register({ service: 'product', url: two.url });
  await sees(discovery, 'product', one, two);
  one.isReady = false;
  await sees(discovery, 'product', two);
  one.isReady = true;
  await sees(discovery, 'product', one, two);
});

test('closing deregisters what is still registered', async () => {
  const discovery = await discover();
  const { url, port } = await instance();
  await discovery.register({ service: 'user', url });
  equal((await idsIn(consul)).includes(`stoa-user-127.0.0.1-${port}`), true);
  await discovery.close();
  equal((await idsIn(consul)).includes(`stoa-user-127.0.0.1-${port}`), false);
});

test('under TLS, where Consul cannot ask it, an instance gets calls only while it says that it is ready', async () => {
  const discovery = await discover({ protocol: 'https' });
  const [one, two] = await Promise.all([secure(), secure()]);
  one.says = 'its database cannot be reached';
  await discovery.register({ service: 'payment', ...one });
  await discovery.register({ service: 'payment', ...two });
  await sees(discovery, 'payment', two);
  const checks = (await consul.ask('/v1/agent/checks')) as Record<string, { Output: string }>;
  equal(checks[`stoa-payment-127.0.0.1-${one.port}-ready`]?.Output, 'its database cannot be reached');
  one.says = undefined;
  await sees(discovery, 'payment', one, two);
  two.says = 'draining';
  await sees(discovery, 'payment', one);
});

test('under TLS an instance that does not know whether it is ready, or whose door is shut, gets no calls', async () => {
  const discovery = await discover({ protocol: 'https' });
  const [one, two, three] = await Promise.all([secure(), secure(), secure()]);
  await discovery.register({ service: 'shipping', ...one });
  await discovery.register({ service: 'shipping', ...two });
  await discovery.register({ service: 'shipping', ...three });
  await sees(discovery, 'shipping', one, two, three);
  two.hangs = true;
  await sees(discovery, 'shipping', one, three);
  await three.close();
  await sees(discovery, 'shipping', one);
});

test('while nothing changes a watch asks once a wait, and asks again by itself', async () => {
  const proxy = await openCountingProxy(consul.url);
  opened.push(proxy);
  const waitMs = 1_500;
  const source = await openConsulSource({
    url: proxy.url,
    token: undefined,
    log,
    protocolOf: () => 'http:',
    emptyMsMin: waitMs,
  });
  opened.push(source);
  const one = await instance();
  await source.register?.({ service: 'analytics', url: one.url });
  let urls: readonly string[] = [];
  source.watch('analytics', (heard) => {
    urls = heard;
  });
  await until(
    () => urls.length,
    (count) => count === 1,
  );
  const asked = () => proxy.answers.filter(({ path }) => path.startsWith('/v1/health/service/stoa-analytics?'));
  const before = asked().length;
  // Of the first one the beginning has not been seen; the other two took their whole wait.
  await until(asked, (answers) => answers.length >= before + 3);
  const [first, , third] = asked().slice(before);
  const tookMs = (third?.atMs ?? 0) - (first?.atMs ?? 0);
  equal(tookMs >= 2 * waitMs, true, `two waits took ${tookMs} ms`);
});

test('the last list holds while Consul is dead, and instances register again with one that comes back empty', async () => {
  const own = await startConsulServer();
  opened.push({ close: own.stop });
  const discovery = await discover({ url: own.url });
  const [one, two] = [await instance(), await instance()];
  await discovery.register({ service: 'order', url: one.url });
  await discovery.register({ service: 'order', url: two.url });
  await sees(discovery, 'order', one, two);

  await own.kill();
  await until(
    () => discovery.problem('order'),
    (problem) => problem !== undefined,
  );
  match(discovery.problem('order') ?? '', /^STOA_CONSUL_URL: Consul at \S+ cannot be reached \(\w+\)/);
  equal(discovery.endpoints('order').length, 2);

  one.isReady = false;
  two.isReady = false;
  await own.start();
  await until(
    () => discovery.problem('order'),
    (problem) => /lists no instance/.test(problem ?? ''),
  );
  await until(
    () => idsIn(own),
    (ids) => ids.length === 2,
  );
  equal(discovery.endpoints('order').length, 2);

  one.isReady = true;
  two.isReady = true;
  await until(
    () => discovery.problem('order'),
    (problem) => problem === undefined,
  );
  await sees(discovery, 'order', one, two);
  const three = await instance();
  await discovery.register({ service: 'order', url: three.url });
  await sees(discovery, 'order', one, two, three);
});

test('calls and the end of a process do not wait for a Consul that hangs', async () => {
  const own = await startConsulServer();
  opened.push({ close: own.stop });
  const discovery = await discover({ url: own.url });
  const one = await instance();
  const registration = await discovery.register({ service: 'order', url: one.url });
  await sees(discovery, 'order', one);
  await own.hang();
  try {
    equal(discovery.acquire('order').url, one.url);
    const startedAtMs = performance.now();
    await rejects(registration.deregister(), (error) => findAppError(error)?.code === 'service.unavailable');
    equal(performance.now() - startedAtMs < 4_000, true);
  } finally {
    own.resume();
  }
});

test('an instance that the agent has lost is registered again', async () => {
  const discovery = await discover();
  const { url, port } = await instance();
  await discovery.register({ service: 'shipping', url });
  const id = `stoa-shipping-127.0.0.1-${port}`;
  await consul.ask(`/v1/agent/service/deregister/${id}`, 'PUT');
  await until(
    () => idsIn(consul),
    (ids) => ids.includes(id),
  );
});

test('an empty list is believed only after it has lasted', async () => {
  const source = await openConsulSource({
    url: consul.url,
    token: undefined,
    log,
    protocolOf: () => 'http:',
    emptyMsMin: 1_000,
  });
  opened.push(source);
  const one = await instance();
  const registration = await source.register?.({ service: 'inventory', url: one.url });
  const heard: { readonly urls: readonly string[]; readonly atMs: number }[] = [];
  source.watch('inventory', (urls) => heard.push({ urls, atMs: performance.now() }));
  const last = () => heard.at(-1)?.urls.length;
  await until(last, (count) => count === 1);
  const leftAtMs = performance.now();
  await registration?.deregister();
  await until(last, (count) => count === 0);
  equal((heard.at(-1)?.atMs ?? 0) - leftAtMs >= 1_000, true);
});

test('two services at one address are refused, unless the old one is dead', async () => {
  const discovery = await discover();
  const { url, port } = await instance();
  const id = `by-hand-${port}`;
  await consul.ask('/v1/agent/service/register', 'PUT', {
    ID: id,
    Name: 'stoa-payment',
    Address: '127.0.0.1',
    Port: port,
    Check: { CheckID: id, TTL: '10m', Status: 'passing' },
  });
  await rejects(discovery.register({ service: 'order', url }), (error) => {
    equal(findAppError(error)?.code, 'config.invalid');
    match(String(error), new RegExp(`stoa-payment at 127\\.0\\.0\\.1:${port} already.*deregister -id=${id}`));
    return true;
  });
  await consul.ask(`/v1/agent/check/fail/${id}`, 'PUT');
  await discovery.register({ service: 'order', url });
  const ids = await idsIn(consul);
  deepEqual([ids.includes(id), ids.includes(`stoa-order-127.0.0.1-${port}`)], [false, true]);
});

test('a process whose place another has taken does not deregister the other', async () => {
  const [old, young] = [await discover(), await discover()];
  const { url, port } = await instance();
  const given = await old.register({ service: 'notification', url });
  await young.register({ service: 'notification', url });
  await given.deregister();
  equal((await idsIn(consul)).includes(`stoa-notification-127.0.0.1-${port}`), true);
});

test('the start gives up on a Consul that cannot be reached, and says what to do', async () => {
  await rejects(discover({ url: 'http://127.0.0.1:9' }), (error) => {
    equal(findAppError(error)?.code, 'service.unavailable');
    match(
      String(error),
      /Consul at http:\/\/127\.0\.0\.1:9 cannot be reached \(ECONNREFUSED\): start it, or correct STOA_CONSUL_URL/,
    );
    return true;
  });
});

test('the start refuses a server that is not Consul', async () => {
  const { createServer } = await import('node:http');
  const server = createServer((_, response) => response.end('<html>hello</html>')).listen(0, '127.0.0.1');
  await until(
    () => server.listening,
    (listening) => listening,
  );
  opened.push({ close: async () => void server.close() });
  const { port } = server.address() as { port: number };
  await rejects(discover({ url: `http://127.0.0.1:${port}` }), (error) => {
    equal(findAppError(error)?.code, 'config.invalid');
    match(String(error), /does not answer as Consul does/);
    return true;
  });
});

test('a Consul that guards itself refuses strangers by name of the setting, and lets a token in', async () => {
  const token = '8f246b77-f3e1-ff88-5b48-8ec93abf3e05';
  const guarded = await startConsulServer({
    config: `acl { enabled = true default_policy = "deny" tokens { master = "${token}" agent = "${token}" } }`,
    token,
  });
  opened.push({ close: guarded.stop });
  const stranger = await discover({ url: guarded.url });
  const one = await instance();
  await rejects(stranger.register({ service: 'order', url: one.url }), (error) => {
    equal(findAppError(error)?.code, 'config.invalid');
    match(String(error), /^AppError: STOA_CONSUL_TOKEN: Consul at \S+ refuses \(.*\): give a token with service:write/);
    return true;
  });
  await rejects(
    discover({ url: guarded.url, token: 'wrong', services: ['order'] }),
    /STOA_CONSUL_TOKEN: .*ACL not found/,
  );
  const known = await discover({ url: guarded.url, token });
  await known.register({ service: 'order', url: one.url });
  await sees(known, 'order', one);
});
