import { newId } from '@stoa/platform/ids';
import { Connection } from 'rabbitmq-client';

/** What a stranger may put into a service's queue. */
export interface Stray {
  readonly service: string;
  /** Bytes as they are, or a message to be made of these. */
  readonly content:
    | Buffer
    | { readonly type: string; readonly key: string; readonly payload: unknown; readonly step?: object };
}

/** Puts things into queues past every check of the shop; returns the ids of the messages, in the order given. */
export async function putInQueues(url: string, strays: readonly Stray[]): Promise<string[]> {
  const connection = new Connection({ url, connectionName: 'a stranger', frameMax: 8_192 });
  const publisher = connection.createPublisher({ confirm: true });
  try {
    const ids: string[] = [];
    for (const { service, content } of strays) {
      const id = newId();
      const isRaw = Buffer.isBuffer(content);
      const body = isRaw ? content : Buffer.from(JSON.stringify(messageOf(id, content)));
      const routingKey = `${service}.${isRaw ? 'stray' : content.type}`;
      await publisher.send({ exchange: 'stoa', routingKey, durable: true, contentEncoding: 'utf-8' }, body);
      ids.push(id);
    }
    return ids;
  } finally {
    await publisher.close();
    await connection.close();
  }
}

function messageOf(id: string, content: object): object {
  return { id, occurredAt: new Date().toISOString(), cause: { correlationId: 'a-stranger' }, ...content };
}
