import { cp, mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The next version of the shop, as a program of its own. */
export interface NextVersion {
  /** What a process of a fleet starts with in place of this version's. */
  readonly program: string;
  remove(): Promise<void>;
}

interface Edit {
  readonly file: string;
  readonly find: string;
  readonly put: string;
}

const root = fileURLToPath(new URL('../../', import.meta.url));
const parts = ['package.json', 'platform', 'contracts', 'services', 'system', 'cli'];

/** What the next version changes: a column more in `orders`, and `order.confirmed.v2` in place of v1, which its hearers go on hearing. */
export const columnAdded = 'channel';
export const messageAdded = 'order.confirmed.v2';

const migration = {
  file: 'services/order/migrations/9999-channel.sql',
  text: `alter table orders add column ${columnAdded} text not null default 'web';\n`,
};
const edits: readonly Edit[] = [
  { file: 'package.json', find: '"version": "', put: '"version": "9.' },
  {
    file: 'contracts/src/order-messages.ts',
    find: 'const orderRejected = event(',
    put: `const orderConfirmed2 = event(
  '${messageAdded}',
  strict({ ...orderConfirmed.payload.properties, channel: Type.String() }),
);

const orderRejected = event(`,
  },
  {
    file: 'contracts/src/order-messages.ts',
    find: '  orderConfirmed,\n',
    put: '  orderConfirmed,\n  orderConfirmed2,\n',
  },
  {
    file: 'services/order/src/sagas/check-out/confirm-order.ts',
    find: 'service.publish(tx, orderEvents.orderConfirmed, {',
    put: 'service.publish(tx, orderEvents.orderConfirmed2, {',
  },
  {
    file: 'services/order/src/sagas/check-out/confirm-order.ts',
    find: 'payload: { ...aboutOrder(state),',
    put: "payload: { channel: 'web', ...aboutOrder(state),",
  },
  {
    file: 'services/notification/src/service.ts',
    find: '  reactions: [\n',
    put: '  reactions: [\n    { event: orderEvents.orderConfirmed2, handleMany: onOrderConfirmed.handleMany },\n',
  },
  {
    file: 'services/notification/src/service.ts',
    find: "import { notificationContract } from '@stoa/contracts/notification';\n",
    put: "import { notificationContract } from '@stoa/contracts/notification';\nimport { orderEvents } from '@stoa/contracts/order-messages';\n",
  },
  {
    file: 'services/analytics/src/reactions/hear.ts',
    find: '  orderEvents.orderConfirmed,\n',
    put: '  orderEvents.orderConfirmed,\n  orderEvents.orderConfirmed2,\n',
  },
  {
    file: 'services/analytics/src/reactions/hear.ts',
    find: '(messages, tx) => hear(messages, tx)',
    put: `(messages, tx) => hear((messages as Message[]).map((message) =>
    message.type === '${messageAdded}' ? { ...message, type: orderEvents.orderConfirmed.type } : message), tx)`,
  },
];

/** Copies this version into a folder of its own and changes it; other packages are those of this version. */
export async function makeNextVersion(): Promise<NextVersion> {
  // The real path: types are not stripped from files that are reached through a link.
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'stoa-next-')));
  const isSource = (path: string) => !/\/node_modules(\/|$)|\.test\.ts$/.test(path);
  for (const part of parts) await cp(join(root, part), join(folder, part), { recursive: true, filter: isSource });
  await linkPackages(folder);
  await writeFile(join(folder, migration.file), migration.text);
  for (const { file, find, put } of edits) {
    const text = await readFile(join(folder, file), 'utf8');
    if (text.split(find).length !== 2) throw new Error(`${file} has not, or not once: ${find}`);
    await writeFile(
      join(folder, file),
      text.replace(find, () => put),
    );
  }
  return {
    program: join(folder, 'cli/src/main.ts'),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Packages of others are those of this version; ours are the copies. */
async function linkPackages(folder: string): Promise<void> {
  const from = join(root, 'node_modules');
  await mkdir(join(folder, 'node_modules/@stoa'), { recursive: true });
  for (const name of await readdir(from)) {
    if (name !== '@stoa') await symlink(join(from, name), join(folder, 'node_modules', name));
  }
  for (const name of await readdir(join(from, '@stoa'))) {
    const place = relative(await realpath(root), await realpath(join(from, '@stoa', name)));
    await symlink(join(folder, place), join(folder, 'node_modules/@stoa', name));
  }
}
