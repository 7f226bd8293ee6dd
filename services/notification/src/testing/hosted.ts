import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { notificationContract } from '@stoa/contracts/notification';
import { orderContract } from '@stoa/contracts/order';
import { userContract } from '@stoa/contracts/user';
import { type Client, createClients } from '@stoa/platform/client';
import { fault, refusal } from '@stoa/platform/errors';
import { newId } from '@stoa/platform/ids';
import type { EventType, PayloadOf, Principal } from '@stoa/platform/schema';
import { defineService, run } from '@stoa/platform/service';
import { testDatabase } from '@stoa/platform/testing';
import pino from 'pino';
import { notification } from '../service.ts';

/** A contact as the order service would have it; `down` for one that cannot be asked for. */
export type TestContact = { readonly email: string | null; readonly name: string | null } | 'down';

/** The notification service as it runs, between stand-ins of the services that it asks and hears. */
export interface TestShop {
  readonly contacts: Map<string, TestContact>;
  readonly resets: Map<string, { email: string; name: string; token: string; expiresAt: string }>;
  readonly client: Client<typeof notificationContract>;
  /** Publishes an event as its owner would. */
  tell<E extends EventType>(event: E, key: string, payload: PayloadOf<E>): Promise<void>;
  query<R extends object>(text: string, values?: readonly unknown[]): Promise<R[]>;
  mailFiles(): Promise<string[]>;
  putMailFile(name: string, text: string): Promise<void>;
  readMail(id: string): Promise<string>;
  stop(): Promise<void>;
}

export async function startTestShop(environment: Record<string, string> = {}): Promise<TestShop> {
  const contacts: TestShop['contacts'] = new Map();
  const resets: TestShop['resets'] = new Map();
  const dataDir = await mkdtemp(join(tmpdir(), 'stoa-notification-'));
  const databases = new Map(
    await Promise.all(['notification', 'order', 'user'].map(async (name) => [name, await testDatabase(name)] as const)),
  );
  const running = await run([notification as never, orderStandIn(contacts) as never, userStandIn(resets) as never], {
    environment: { STOA_DATA_DIR: dataDir, ...environment },
    log: pino({ level: 'silent' }),
    version: 'test',
    databaseUrl: async (name) => (databases.get(name) as { url: string }).url,
  });
  const hosted = running.services.get('notification') as NonNullable<ReturnType<typeof running.services.get>>;
  const order = running.services.get('order') as typeof hosted;
  const mailFolder = join(dataDir, 'mail');
  return {
    contacts,
    resets,
    client: createClients({
      caller: 'test',
      local: new Map([['notification', hosted.http]]),
      log: pino({ level: 'silent' }),
    }).client(notificationContract),
    tell: (event, key, payload) =>
      order.service.db.transaction(async (tx) => {
        order.service.publish(tx, event, { key, payload, cause: { correlationId: newId() } });
      }),
    query: (text, values) => hosted.service.db.query(text, values),
    mailFiles: () => readdir(mailFolder).catch(() => []),
    putMailFile: (name, text) => writeFile(join(mailFolder, name), text),
    readMail: (id) => readFile(join(mailFolder, `${id}.eml`), 'utf8'),
    async stop() {
      await running.stop();
      await Promise.all([...databases.values()].map((database) => database.drop()));
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** A person who is signed in. */
export function signedIn(userId: string): Principal {
  return { kind: 'user', userId, role: 'customer', sessionId: newId() };
}

function orderStandIn(contacts: TestShop['contacts']) {
  const { getContact } = orderContract.operations;
  const contract = { ...orderContract, operations: { getContact }, commands: {} };
  return defineService({
    name: 'order',
    contract,
    routes: {
      getContact: async (call: { params: { id: string } }) => {
        const contact = contacts.get(call.params.id);
        if (contact === 'down') throw fault('service.unavailable', 'The order service is not itself.');
        if (contact === undefined) throw refusal('contact.not-found', 'There is no such contact.');
        return { body: { ...contact, userId: null } };
      },
    },
  });
}

function userStandIn(resets: TestShop['resets']) {
  const { getPasswordReset } = userContract.operations;
  const contract = { ...userContract, operations: { getPasswordReset } };
  return defineService({
    name: 'user',
    contract,
    routes: {
      getPasswordReset: async (call: { params: { id: string } }) => {
        const reset = resets.get(call.params.id);
        if (reset === undefined) throw refusal('password-reset.not-found', 'There is no such reset.');
        return { body: reset };
      },
    },
  });
}
