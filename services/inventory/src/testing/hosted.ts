import { inventoryContract, type Movement, type Stock } from '@stoa/contracts/inventory';
import { inventoryCommands } from '@stoa/contracts/inventory-messages';
import { type Client, createClients } from '@stoa/platform/client';
import { newId } from '@stoa/platform/ids';
import { Outbox } from '@stoa/platform/outbox';
import { Participant, type StepCommand } from '@stoa/platform/saga';
import { type CommandType, nobodyWaits, type Outcome, type PayloadOf, type Principal } from '@stoa/platform/schema';
import { type CommandHandler, run, type Service } from '@stoa/platform/service';
import type { Database, Tx } from '@stoa/platform/sql';
import { testDatabase } from '@stoa/platform/testing';
import { systemClock } from '@stoa/platform/time';
import pino from 'pino';
import { inventory } from '../service.ts';

/** The service as it is hosted, with the commands of check-outs brought to it in batches. */
export interface TestInventory {
  readonly db: Database;
  readonly service: Service<never>;
  /** The public and internal operations, as seen by another service or by whoever is named. */
  readonly api: Client<typeof inventoryContract>;
  stockOf(sku: string): Promise<Stock>;
  /** The latest movement first. */
  ledgerOf(sku: string): Promise<Movement[]>;
  holdsOf(orderId: string): Promise<{ orderId: string; held: number; sold: number } | undefined>;
  /** Carries commands out in one transaction, as the inbox does, and gives what each was answered. */
  carryOut(commands: readonly TestCommand[]): Promise<Outcome[]>;
  close(): Promise<void>;
}

export interface TestCommand {
  readonly type: string;
  readonly orderId: string;
  readonly payload: object;
  readonly mode: 'do' | 'undo';
  /** Commands of one saga and step are the same command. */
  readonly step: string;
}

export const done: Outcome = { kind: 'done', output: {} };
export const cause = { correlationId: 'test' };
export const asker = { cause, deadlineMs: nobodyWaits };
export const merchandiser: Principal = { kind: 'key', keyId: newId(), role: 'merchandiser', name: 'the warehouse' };
const handlers = new Map(
  (inventory.commands as CommandHandler<never>[]).map((handler) => [handler.command.type, handler]),
);

export async function startTestInventory(): Promise<TestInventory> {
  const database = await testDatabase('inventory');
  const log = pino({ level: 'silent' });
  const running = await run([inventory], {
    environment: {},
    log,
    version: 'test',
    databaseUrl: async () => database.url,
  });
  const hosted = running.services.get('inventory');
  if (!hosted) throw new Error('inventory is not hosted');
  const { service } = hosted;
  const { client } = createClients({ caller: 'order', local: new Map([['inventory', hosted.http]]), log });
  const api = client(inventoryContract);
  return {
    db: service.db,
    service,
    api,
    async stockOf(sku) {
      const stock = await api.getStock({ params: { sku } }, { ...asker, principal: merchandiser });
      if (!('onHand' in stock)) throw new Error(`the warehouse sees only what is available of ${sku}`);
      return stock;
    },
    ledgerOf: async (sku) =>
      (await api.listMovements({ params: { sku } }, { ...asker, principal: merchandiser })).items,
    holdsOf: async (orderId) => (await api.getHolds({ body: { orderIds: [orderId] } }, asker))[0],
    carryOut: (commands) => carryOut(service, commands),
    async close() {
      await running.stop();
      await database.drop();
    },
  };
}

async function carryOut(service: Service<never>, commands: readonly TestCommand[]): Promise<Outcome[]> {
  const replies = new Map<string, Outcome>();
  const outbox = new Outbox({ clock: systemClock, subscribersOf: () => [], onCommitted: () => undefined });
  outbox.send = (_tx, _subscriber, { step, payload }) =>
    void replies.set(`${step?.saga} ${step?.step} ${step?.mode}`, payload as Outcome);
  const participant = new Participant(outbox, systemClock);
  await service.db.transaction(async (tx) => {
    replies.clear();
    for (const [type, group] of Map.groupBy(commands, (command) => command.type)) {
      const handler = handlers.get(type) as CommandHandler<never>;
      const steps = {
        later: false,
        doMany: (some: readonly StepCommand[], tx: Tx) => handler.doMany(some as never[], tx, service),
        undoMany: (some: readonly StepCommand[], tx: Tx) => handler.undoMany(some as never[], tx, service),
      };
      await participant.carryOut(group.map(messageOf), steps, tx);
    }
  });
  return commands.map(({ orderId, step, mode }) => replies.get(`${orderId} ${step} ${mode}`) as Outcome);
}

function messageOf({ type, orderId, payload, mode, step }: TestCommand): StepCommand {
  const address = { saga: orderId, step, replyTo: 'order', mode };
  return { id: newId(), type, key: orderId, payload, occurredAt: systemClock.now(), cause, step: address };
}

function commandOf<C extends CommandType>(
  command: C,
  step: string,
  mode: 'do' | 'undo',
  payload: PayloadOf<C> & { orderId: string },
): TestCommand {
  return { type: command.type, orderId: payload.orderId, payload, mode, step };
}

type Lines = readonly { readonly sku: string; readonly quantity: number }[];

export const reserve = (orderId: string, lines: Lines): TestCommand =>
  commandOf(inventoryCommands.reserveStock, 'reserve', 'do', { orderId, lines: [...lines] });

export const letGo = (orderId: string, lines: Lines): TestCommand =>
  commandOf(inventoryCommands.reserveStock, 'reserve', 'undo', { orderId, lines: [...lines] });

export const commit = (orderId: string): TestCommand =>
  commandOf(inventoryCommands.commitStock, 'commit', 'do', { orderId });

export const restock = (
  orderId: string,
  lines: Lines,
  { kind, restockId = newId() }: { kind: 'cancelled' | 'returned'; restockId?: string },
): TestCommand =>
  commandOf(inventoryCommands.restock, `restock ${newId()}`, 'do', {
    orderId,
    restockId,
    kind,
    lines: [...lines],
    reason: kind,
  });

/** Receives units of a SKU. */
export async function receive(
  { api }: TestInventory,
  sku: string,
  quantity: number,
  locationId = 'main',
): Promise<void> {
  const call = { params: { sku }, body: { kind: 'received', quantity, reason: 'delivery', locationId } } as const;
  await api.adjustStock(call, { ...asker, principal: merchandiser, idempotencyKey: newId() });
}
