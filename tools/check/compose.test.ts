import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Files, withTree } from '../temporary-tree.ts';
import { run } from './compose.ts';

const hardened = `
    read_only: true
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    mem_limit: 512m
    init: true
    stop_grace_period: 15s
    healthcheck: { test: [CMD, probe] }`;

const compose = `
x-fleet: &fleet { STOA_LOG_LEVEL: "\${LOG_LEVEL:-info}" }
services:
  gateway:${hardened}
    command: [up, gateway]
    environment: { <<: *fleet, STOA_TLS_DIR: /var/lib/stoa-tls/gateway }
    volumes: ["tls-gateway:/var/lib/stoa-tls/gateway:ro"]
  order:${hardened}
    command: [up, order]
    environment:
      <<: *fleet
      STOA_TLS_DIR: /var/lib/stoa-tls/order
      STOA_ORDER_DATABASE_URL: postgres://order:\${ORDER_DATABASE_PASSWORD:?}@postgres:5432/order
    volumes: ["tls-order:/var/lib/stoa-tls/order:ro"]
  certificates:${hardened}
    restart: "no"
    command: [certs]
    volumes: ["tls-ca:/tls/ca", "tls-gateway:/tls/gateway", "tls-order:/tls/order"]
  operator:${hardened}
    restart: "no"
    command: [--help]
    environment: { STOA_URL: "http://gateway:3000" }
  postgres:${hardened}
    environment: { ORDER_DATABASE_PASSWORD: "\${ORDER_DATABASE_PASSWORD:?}" }
volumes: { postgres: {}, tls-ca: {}, tls-gateway: {}, tls-order: {} }
`;

const agreeing: Files = {
  'system/src/services.ts': `export const services = [{ name: 'gateway' }, { name: 'order', migrations: 'here' }];`,
  'system/src/places.ts': `export const ports = new Map([['gateway', 3000], ['order', 4001]]);`,
  'deploy/compose/compose.yaml': compose,
  'deploy/compose/postgres/10-databases.sh': 'for service in order; do\n',
  'deploy/compose/.env.example':
    'LOG_LEVEL=info\nORDER_DATABASE_PASSWORD=\nHTTPS_PORT=1\nEDGE_CERTIFICATE_FILE=c\nEDGE_KEY_FILE=k\n',
  'docs/reference/settings.md':
    '| `STOA_LOG_LEVEL` | x |\n| `STOA_TLS_DIR` | x |\n| `STOA_URL` | x |\n| `STOA_<SERVICE>_DATABASE_URL` | x |\n',
  'docs/guides/compose.md': '| `gateway` | 3000 |\n| `order` | 4001 |\n',
  'README.md':
    '| [`gateway`](services/gateway/README.md) | 3000 | x |\n| [`order`](services/order/README.md) | 4001 | x |\n',
  'docs/guides/fleet.md': 'for service in order; do\n … on its own port too (4001 to 4001; …\n',
  'deploy/compose/edge/nginx.conf': '    server gateway:3000 resolve;\n',
  Dockerfile:
    'FROM a AS b\nUSER root\nFROM a\nUSER 10001:10001\nHEALTHCHECK --interval=1s \\\n  CMD ["probe"]\nENTRYPOINT ["stoa"]\n',
};

/** The problems of a tree in which one text of one file reads otherwise. */
function problemsOf(path = '', text = '', instead = ''): Promise<string[]> {
  const file = agreeing[path];
  assert.ok(path === '' || file?.includes(text), `${path} holds no "${text}"`);
  return withTree(file === undefined ? agreeing : { ...agreeing, [path]: file.replace(text, instead) }, run);
}

const composeFile = 'deploy/compose/compose.yaml';

test('a fleet that is what the list of services says is accepted', async () => {
  assert.deepEqual(await problemsOf(), []);
});

test('services, Compose, ports and README of this repository say the same', async () => {
  assert.deepEqual(await run(fileURLToPath(new URL('../../', import.meta.url))), []);
});

const planted: readonly [what: string, path: string, text: string, instead: string, told: RegExp][] = [
  ['a service that nobody runs', 'system/src/services.ts', '];', ", { name: 'gift' }];", /does not run gift/],
  [
    'a container that hosts another service than its own',
    composeFile,
    '[up, order]',
    '[up, gateway]',
    /order runs `stoa up gateway`/,
  ],
  [
    'a container for a service that does not exist',
    'system/src/services.ts',
    "'order'",
    "'cart'",
    /runs order, which is not wanted/,
  ],
  [
    "another service's database",
    composeFile,
    'STOA_ORDER_DATABASE_URL',
    'STOA_USER_DATABASE_URL',
    /order is given STOA_USER/,
  ],
  ["another service's role", composeFile, 'postgres://order:', 'postgres://user:', /with its own role and password/],
  ["another service's password", composeFile, 'order:${ORDER_', 'order:${USER_', /with its own role and password/],
  ["another service's certificate", composeFile, 'tls-order:/var', 'tls-gateway:/var', /order mounts tls-gateway/],
  ['a certificate that may be overwritten', composeFile, 'stoa-tls/order:ro', 'stoa-tls/order', /read-only/],
  [
    'a certificate that nobody makes',
    composeFile,
    ', "tls-order:/tls/order"',
    '',
    /certificates does not fill tls-order/,
  ],
  ['a root that can be written', composeFile, 'read_only: true', 'read_only: false', /gateway has no read-only root/],
  ['rights that are kept', composeFile, 'cap_drop: [ALL]', 'cap_drop: [CHOWN]', /gateway has no cap_drop/],
  ['rights that can be gained', composeFile, 'no-new-privileges:true', 'seccomp:x', /gateway has no no-new-privileges/],
  ['memory without a limit', composeFile, 'mem_limit: 512m', 'labels: {}', /gateway has no mem_limit/],
  ['a container that nobody looks at', composeFile, 'healthcheck:', 'labels:', /gateway has no health check/],
  [
    'a kill before the drain is over',
    composeFile,
    'stop_grace_period: 15s',
    'stop_grace_period: 10s',
    /killed after 10 s/,
  ],
  [
    'a drain that begins later than the kill allows',
    composeFile,
    'STOA_TLS_DIR: /var/lib/stoa-tls/gateway }',
    'STOA_TLS_DIR: /var/lib/stoa-tls/gateway, STOA_DRAIN_GRACE: 5s }',
    /gateway may be killed after 15 s, and a drain takes up to 15 s/,
  ],
  [
    'a setting that is described nowhere',
    composeFile,
    'x-fleet: &fleet {',
    'x-fleet: &fleet { STOA_SPEED: 9,',
    /STOA_SPEED/,
  ],
  ['a database that nobody makes', 'deploy/compose/postgres/10-databases.sh', 'order', 'user', /does not make order/],
  [
    'a password that PostgreSQL does not learn',
    composeFile,
    '{ ORDER_DATABASE',
    '{ USER_DATABASE',
    /postgres is not given ORDER/,
  ],
  [
    'a variable that .env.example lacks',
    'deploy/compose/.env.example',
    'LOG_LEVEL=info\n',
    '',
    /does not offer LOG_LEVEL/,
  ],
  [
    'a variable that nothing asks for',
    'deploy/compose/.env.example',
    'LOG',
    'OLD=1\nLOG',
    /offers OLD, which is not wanted/,
  ],
  ['a process that hears no signal until it listens', composeFile, 'init: true', 'init: false', /gateway has no init/],
  ['an operator who asks elsewhere', composeFile, 'http://gateway:3000', 'http://gateway:80', /STOA_URL of operator/],
  ['a port that the README says wrong', 'README.md', '4001', '4002', /README\.md does not show order at 4001/],
  ['a service that the README leaves out', 'README.md', '[`order`]', '`order`', /README\.md does not show order/],
  [
    'a link of the README to another service',
    'README.md',
    'services/order/',
    'services/user/',
    /does not show order at 4001/,
  ],
  ['a door that leads nowhere', 'deploy/compose/edge/nginx.conf', '3000', '3001', /does not hand on to gateway:3000/],
  [
    'a loop that leaves a service out',
    'docs/guides/fleet.md',
    'in order;',
    'in user;',
    /fleet\.md does not start order/,
  ],
  [
    'ports that the guide of the fleet says wrong',
    'docs/guides/fleet.md',
    '4001 to 4001',
    '4001 to 4008',
    /4001 to 4001/,
  ],
  ['an image that runs as root', 'Dockerfile', 'USER 10001:10001', 'USER root', /Dockerfile ends as root/],
  ['an image that says no user in its last stage', 'Dockerfile', 'USER 10001:10001\n', '', /Dockerfile ends as root/],
  ['an image that nobody looks at', 'Dockerfile', 'HEALTHCHECK', 'LABEL', /Dockerfile has no HEALTHCHECK/],
  ['an image that runs something else', 'Dockerfile', '["stoa"]', '["node"]', /Dockerfile does not run stoa/],
  ['a port that the guide says wrong', 'docs/guides/compose.md', '4001', '4002', /does not show order at 4001/],
];

for (const [what, path, text, instead, told] of planted) {
  test(`${what} is refused`, async () => {
    assert.match((await problemsOf(path, text, instead)).join('\n'), told);
  });
}

test('a list without a service is refused, as nothing was checked', async () => {
  assert.match(
    (await problemsOf('system/src/services.ts', '[{', '[].filter(({ name }) => name); [{')).join(),
    /nothing was/,
  );
});
