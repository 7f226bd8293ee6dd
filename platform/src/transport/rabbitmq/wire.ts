import type { AsyncMessage, Envelope } from 'rabbitmq-client';
import type { Message } from '../../schema/index.ts';
import { type Arrived, reasonOf } from '../arrived.ts';
import type { Undecodable } from '../definition.ts';
import { idOfContent, isName, isObject, type Read, readText, readValue } from '../read-message.ts';
import { exchange, routingKey } from './topology.ts';

/** A message as it lies in a queue: its JSON, and what an operator's tools show without reading that. */
export function envelopeOf(subscriber: string, message: Message): Envelope {
  return {
    exchange,
    routingKey: routingKey(subscriber, message.type),
    mandatory: true,
    durable: true,
    contentType: 'application/json',
    // With an encoding named, the client leaves the bytes alone: they are read here, where what is no JSON can be kept as it came.
    contentEncoding: 'utf-8',
    messageId: message.id,
    type: message.type,
  };
}

export function encode(message: Message): Buffer {
  return Buffer.from(JSON.stringify(message));
}

/** What a delivery holds: a message, or something that people have to look at. */
export function decode(delivery: AsyncMessage): Arrived {
  const { body } = delivery;
  // The client has parsed the bodies of strangers that say they are JSON or text, and nobody else's.
  const read = Buffer.isBuffer(body) ? readText(body.toString()) : readValue(body);
  return 'message' in read ? read : { undecodable: show(delivery, read) };
}

const shownBytesMax = 4_096;

function show(delivery: AsyncMessage, { wrong, own }: Exclude<Read, { message: Message }>): Undecodable {
  const { messageId, body, routingKey: sentTo, contentType, type } = delivery;
  const bytes = bytesOf(body);
  const start = bytes.subarray(0, shownBytesMax);
  const text = start.toString();
  const isText = !text.includes('\0') && Buffer.from(text).equals(start);
  const properties = { routingKey: sentTo, contentType, type, messageId };
  return {
    // A sender's own id on the envelope is not trusted to be of this.
    id: own?.id ?? idOfContent(messageId ?? '', bytes),
    key: own?.key,
    reason: reasonOf(wrong),
    payload: {
      bytes: bytes.length,
      ...(isText ? { text } : { base64: start.toString('base64') }),
      properties: JSON.parse(
        JSON.stringify(properties, (_, value) => (isName(value) || isObject(value) ? value : undefined)),
      ),
    },
  };
}

function bytesOf(body: unknown): Buffer {
  if (Buffer.isBuffer(body)) return body;
  try {
    return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  } catch {
    return Buffer.from('It is nested too deep to be shown.');
  }
}
