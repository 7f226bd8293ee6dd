import { createHash } from 'node:crypto';
import { isId } from '../ids/index.ts';
import type { Message } from '../schema/index.ts';

/** What has arrived: a message, or what is wrong with it; with its own id and key where at least those can be trusted to be meant so. */
export type Read =
  | { readonly message: Message }
  | { readonly wrong: string; readonly own?: { readonly id: string; readonly key: string } };

/** As deep as a body that a service takes over HTTP. None of our messages has more than eight levels. */
const depthMax = 32;

/** Reads what arrived as a text. */
export function readText(text: string): Read {
  try {
    // In JSON what no database takes is written with an escape, so most texts need no second look.
    return read(JSON.parse(text), text.includes('\\u'));
  } catch {
    return { wrong: 'it is not JSON' };
  }
}

/** Reads what somebody else has parsed, and nobody has looked at. */
export function readValue(value: unknown): Read {
  return read(value, true);
}

/** Reads what came in the body of a request, of which the kit has refused already what no database takes. */
export function readBody(value: unknown): Read {
  return read(value, false);
}

/** Looking at every text of a message costs as much as parsing it. What passes here and cannot be kept is shown by the inbox when it comes to that. */
function read(value: unknown, looksAtTexts: boolean): Read {
  const wrong = whatIsWrong(value);
  if (wrong !== undefined) return { wrong };
  const message = value as Message;
  const unfit = looksAtTexts ? whatIsUnfit(message, depthMax) : undefined;
  return unfit === undefined ? { message } : { wrong: unfit, own: { id: message.id, key: message.key } };
}

const lengthMax = 1_000;
/** Characters. Keys are in an index, whose entries have at most 2,704 bytes; ours are ids and SKUs. */
export const keyLengthMax = 200;

/** Only what the kit itself relies on: whether the payload has the shape of its event is for the subscriber to say. */
function whatIsWrong(value: unknown): string | undefined {
  if (!isObject(value)) return 'it is not a JSON object';
  // In lower case, as PostgreSQL writes it: one that comes back in other letters than it went in would not be known again.
  if (typeof value.id !== 'string' || !isId(value.id)) return 'it has no "id" that is a UUID';
  for (const name of ['type', 'key', 'occurredAt']) if (!isName(value[name])) return `it has no "${name}"`;
  if (!isObject(value.cause) || !isName(value.cause.correlationId)) return 'it has no "cause" with a "correlationId"';
  if ((value.key as string).length > keyLengthMax) return `its "key" is longer than ${keyLengthMax} characters`;
  const { delayMs, step } = value;
  if (delayMs !== undefined && !(Number.isSafeInteger(delayMs) && (delayMs as number) >= 0))
    return 'its "delayMs" is wrong';
  if (step !== undefined && !isStep(step)) return 'its "step" is wrong';
  return undefined;
}

/** A plain object, as JSON has them. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !Buffer.isBuffer(value);
}

/** A text that may stand where the kit reads a name. */
export function isName(value: unknown): boolean {
  return typeof value === 'string' && value !== '' && value.length <= lengthMax && isStorable(value);
}

function isStep(value: unknown): boolean {
  if (!isObject(value) || !isId(String(value.saga))) return false;
  return isName(value.step) && isName(value.replyTo) && (value.mode === 'do' || value.mode === 'undo');
}

/** PostgreSQL takes neither NUL nor half a surrogate pair. */
function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}

/** What no database takes, and what is nested so deep that writing it down again could exhaust the stack. */
function whatIsUnfit(value: unknown, levels: number): string | undefined {
  if (typeof value === 'string') return isStorable(value) ? undefined : 'it holds characters that no database takes';
  if (typeof value !== 'object' || value === null) return undefined;
  if (levels === 0) return `it is nested deeper than ${depthMax} levels`;
  for (const [name, inner] of Object.entries(value)) {
    const wrong = whatIsUnfit(name, levels) ?? whatIsUnfit(inner, levels - 1);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

/** An id made of the content, so that what is delivered again after a crash is known again. */
export function idOfContent(...content: readonly (string | Buffer)[]): string {
  const hashing = createHash('sha256');
  for (const [at, part] of content.entries()) hashing.update(at === 0 ? '' : '\0').update(part);
  const hash = hashing.digest('hex');
  return `${hash.slice(0, 8)}-${hash.slice(8, 12)}-8${hash.slice(13, 16)}-8${hash.slice(17, 20)}-${hash.slice(20, 32)}`;
}
