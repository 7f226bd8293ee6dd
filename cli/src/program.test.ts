import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { describe, it } from 'node:test';
import { runCommandLine } from './program.ts';

async function stoa(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  let out = '';
  let told = '';
  const write = (text: string) => {
    out += text;
  };
  const tell = (text: string) => {
    told += text;
  };
  const code = await runCommandLine(args, { environment, write, tell });
  return { code, out, told };
}

/** Answers every call with this problem. */
function withShop(
  status: number,
  code: string,
  work: (environment: Record<string, string>) => Promise<void>,
): Promise<void> {
  return withAnswer({ status, type: 'application/problem+json', body: { status, code, detail: 'So it is.' } }, work);
}

/** Answers every call so. */
async function withAnswer(
  { status, type, body }: { status: number; type: string; body: object },
  work: (environment: Record<string, string>) => Promise<void>,
): Promise<void> {
  const server = createServer((_request, response) => {
    response.writeHead(status, { 'content-type': type });
    response.end(JSON.stringify(body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  try {
    await work({ STOA_URL: `http://127.0.0.1:${port}`, STOA_API_KEY: 'key' });
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

const commands = [
  'up',
  'seed',
  'import',
  'replay',
  'verify',
  'orders',
  'sagas',
  'dead-letters',
  'doctor',
  'certs',
  'bench',
];

describe('the command line', () => {
  for (const command of commands) {
    it(`helps with ${command}, with examples and --json`, async () => {
      const { code, out } = await stoa([command, '--help']);
      assert.equal(code, 0);
      assert.match(out, new RegExp(`Examples:\\n.*npx stoa ${command}`));
      assert.match(out, /--json/);
    });
  }

  it('lists every command, its settings and its exit codes', async () => {
    const { code, out } = await stoa(['--help']);
    assert.equal(code, 0);
    for (const command of commands) assert.match(out, new RegExp(`^ {2}${command}\\b`, 'm'));
    assert.match(out, /STOA_API_KEY[\s\S]*6 an invariant is violated/);
  });

  it('ends with 2 for what it does not understand', async () => {
    assert.equal((await stoa(['nothing'])).code, 2);
    assert.equal((await stoa(['replay'])).code, 2);
    assert.equal((await stoa(['replay', 'x.csv', '--concurrency', '0'])).code, 2);
    assert.equal((await stoa(['orders', '--status', 'lost'])).code, 2);
    assert.equal((await stoa(['verify', '--complete'])).code, 2);
    assert.equal((await stoa(['dead-letters', 'redrive'], { STOA_API_KEY: 'key' })).code, 2);
    assert.equal((await stoa(['up', 'order', 'order'])).code, 2);
    assert.equal((await stoa(['bench', 'nothing', '--quick'])).code, 2);
  });

  it('ends with 2 for a service to host that there is not, and names those there are', async () => {
    const { code, told } = await stoa(['up', 'order', 'foo']);
    assert.equal(code, 2);
    assert.match(told, /no service called foo\. There are gateway, user, .*analytics/);
  });

  it('ends with 2 for an id that is none, without asking the shop, and says what is wanted', async () => {
    for (const [command, word] of [
      ['orders', '536365'],
      ['sagas', 'nonsense'],
      ['sagas', 'retry'],
    ] as const) {
      const { code, told } = await stoa([command, word], { STOA_URL: 'http://127.0.0.1:9', STOA_API_KEY: 'key' });
      assert.equal(code, 2, `${command} ${word}`);
      assert.match(told, new RegExp(`'${word}' is invalid.* It has to be an id, as npx stoa ${command} lists them`));
    }
  });

  it('ends with 2 when it does not know as whom to speak, and says what to set', async () => {
    const { code, told } = await stoa(['orders'], { STOA_DATA_DIR: '/nowhere' });
    assert.equal(code, 2);
    assert.match(told, /STOA_API_KEY/);
  });

  it('ends with 3 when there is no such file', async () => {
    assert.equal((await stoa(['replay', '/nowhere.csv'])).code, 3);
    assert.equal((await stoa(['import', '/nowhere.csv'])).code, 3);
  });

  it('ends with 5 when nobody answers', async () => {
    const { code, told } = await stoa(['orders'], { STOA_URL: 'http://127.0.0.1:9', STOA_API_KEY: 'key' });
    assert.equal(code, 5);
    assert.match(told, /npx stoa up/);
  });

  for (const [status, code, expected] of [
    [404, 'order.not-found', 3],
    [409, 'saga.not-stuck', 4],
    [403, 'auth.forbidden', 1],
    [503, 'service.unavailable', 5],
  ] as const) {
    it(`ends with ${expected} when the shop answers ${status}, and passes on what it says`, async () => {
      await withShop(status, code, async (environment) => {
        const ended = await stoa(['orders', '019345f2-7a10-7bcc-9d5e-0a4d1f6c2b11'], environment);
        assert.equal(ended.code, expected);
        assert.equal(ended.told, `So it is. (${code})\n`);
        assert.equal(ended.out, '');
      });
    });
  }

  it('takes no service that there is not for one in which all is well: ends with 2 and names those there are', async () => {
    const body = { items: [], nextCursor: null, partial: [], redriven: 0 };
    await withAnswer({ status: 200, type: 'application/json', body }, async (environment) => {
      for (const command of ['sagas', 'dead-letters', 'dead-letters redrive --all']) {
        const { code, told } = await stoa([...command.split(' '), '--service', 'ordre'], environment);
        assert.equal(code, 2, command);
        assert.match(told, /no service called ordre\. There are gateway, user, .*analytics/);
        assert.equal((await stoa([...command.split(' '), '--service', 'order'], environment)).code, 0, command);
      }
    });
  });

  it('ends with 3 when a dead letter that was named is not put back', async () => {
    const redrive = ['dead-letters', 'redrive', '--json'];
    const body = { redriven: 1, partial: [] };
    await withAnswer({ status: 200, type: 'application/json', body }, async (environment) => {
      const some = await stoa([...redrive, '--id', 'a', 'b'], environment);
      assert.deepEqual([some.code, JSON.parse(some.out)], [3, body]);
      assert.match(some.told, /Of 2 named, 1 could not be put back/);
      assert.equal((await stoa([...redrive, '--id', 'a', 'a'], environment)).code, 0, 'named twice');
      assert.equal((await stoa([...redrive, '--all'], environment)).code, 0);
    });
  });

  it('does not take the silence of a service for nothing: prints what there is and ends with 5', async () => {
    const body = { items: [], nextCursor: null, partial: ['order'] };
    for (const command of ['dead-letters', 'sagas']) {
      await withAnswer({ status: 200, type: 'application/json', body }, async (environment) => {
        const { code, out, told } = await stoa([command, '--json'], environment);
        assert.deepEqual([code, JSON.parse(out)], [5, { items: [] }]);
        assert.match(told, /did not answer: order/);
      });
    }
  });
});
