import { createHash } from 'node:crypto';
import type { AsyncMessage, Envelope } from 'rabbitmq-client';
import type { Message } from '../../schema/index.ts';
import type { Undecodable } from '../definition.ts';
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
export function decode(delivery: AsyncMessage): { readonly message: Message } | { readonly undecodable: Undecodable } {
  const read = readBody(delivery.body);
  const wrong = read.wrong ?? whatIsWrong(read.value);
  return wrong === undefined ? { message: read.value as Message } : { undecodable: show(delivery, wrong) };
}

/** The client has parsed the bodies of strangers that say they are JSON or text, and nobody else's. */
function readBody(body: unknown): { readonly value?: unknown; readonly wrong?: string } {
  if (!Buffer.isBuffer(body)) return { value: body };
  const text = body.toString();
  try {
    const value: unknown = JSON.parse(text);
    return text.includes('\\u') && !isStorable(value)
      ? { wrong: 'it holds characters that no database takes' }
      : { value };
  } catch {
    return { wrong: 'it is not JSON' };
  }
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const lengthMax = 1_000;

/** Only what the kit itself relies on: whether the payload has the shape of its event is for the subscriber to say. */
function whatIsWrong(value: unknown): string | undefined {
  if (!isObject(value)) return 'it is not a JSON object';
  if (typeof value.id !== 'string' || !uuid.test(value.id)) return 'it has no "id" that is a UUID';
  for (const name of ['type', 'key', 'occurredAt']) if (!isName(value[name])) return `it has no "${name}"`;
  if (!isObject(value.cause) || !isName(value.cause.correlationId)) return 'it has no "cause" with a "correlationId"';
  const { delayMs, step } = value;
  if (delayMs !== undefined && !(Number.isSafeInteger(delayMs) && (delayMs as number) >= 0))
    return 'its "delayMs" is wrong';
  if (step !== undefined && !isStep(step)) return 'its "step" is wrong';
  return undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !Buffer.isBuffer(value);
}

function isName(value: unknown): boolean {
  return typeof value === 'string' && value !== '' && value.length <= lengthMax && isStorable(value);
}

function isStep(value: unknown): boolean {
  if (!isObject(value) || !uuid.test(String(value.saga))) return false;
  return isName(value.step) && isName(value.replyTo) && (value.mode === 'do' || value.mode === 'undo');
}

/** PostgreSQL takes neither NUL nor half a surrogate pair. Without recursion: what strangers send may be nested deeper than the stack. */
function isStorable(value: unknown): boolean {
  const open = [value];
  while (open.length > 0) {
    const part = open.pop();
    if (typeof part === 'string') {
      if (part.includes('\0') || !part.isWellFormed()) return false;
    } else if (typeof part === 'object' && part !== null) {
      for (const [name, inner] of Object.entries(part)) open.push(name, inner);
    }
  }
  return true;
}

const shownBytesMax = 4_096;

function show(delivery: AsyncMessage, reason: string): Undecodable {
  const { messageId, body, routingKey: sentTo, contentType, type } = delivery;
  const bytes = bytesOf(body);
  const start = bytes.subarray(0, shownBytesMax);
  const text = start.toString();
  const isText = !text.includes('\0') && Buffer.from(text).equals(start);
  const properties = { routingKey: sentTo, contentType, type, messageId };
  return {
    id: idOf(bytes, messageId),
    reason: `What arrived is no message: ${reason}.`,
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

/** Made of the content, so that what is delivered again after a crash is known again. A sender's own id is not trusted to be of this. */
function idOf(bytes: Buffer, messageId: string | undefined): string {
  const hash = createHash('sha256')
    .update(messageId ?? '')
    .update('\0')
    .update(bytes)
    .digest('hex');
  return `${hash.slice(0, 8)}-${hash.slice(8, 12)}-8${hash.slice(13, 16)}-8${hash.slice(17, 20)}-${hash.slice(20, 32)}`;
}
