import { isUtf8 } from 'node:buffer';
import { type AppError, refusal } from '../errors/index.ts';

/** Objects and lists inside each other at the most: no body of ours has more than six. */
export const jsonDepthMax = 32;

/**
 * Reads a JSON text from outside (RFC 8259), more strictly than `JSON.parse`: no byte order mark, no duplicate names, no names that reach
 * prototypes, no NUL and no lone surrogates (PostgreSQL stores neither), a bounded depth.
 *
 * @throws AppError `request.invalid`; never repeats the input
 */
export function parseJson(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw notJson('The body is not UTF-8.');
  return parseJsonText(bytes.toString('utf8'));
}

/** As `parseJson`, for a text. */
export function parseJsonText(text: string): unknown {
  let value: unknown;
  try {
    if (text.charCodeAt(0) === 0xfeff) throw notJson('The body starts with a byte order mark.');
    value = JSON.parse(text);
  } catch (error) {
    throw error instanceof SyntaxError ? notJson('The body is not valid JSON.') : error;
  }
  checkJson(text);
  return value;
}

const quote = 0x22;
const backslash = 0x5c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const colon = 0x3a;

/** Looks for what `JSON.parse` lets through. `text` is valid JSON, so one pass over its structure is enough (about 2 ns a character). */
function checkJson(text: string): void {
  // One set of names an open object, undefined for a list.
  const open: (Set<string> | undefined)[] = [];
  for (let at = 0; at < text.length; at++) {
    const character = text.charCodeAt(at);
    if (character === openBrace || character === openBracket) {
      if (open.length === jsonDepthMax) throw notJson(`The body is nested deeper than ${jsonDepthMax} levels.`);
      open.push(character === openBrace ? new Set() : undefined);
    } else if (character === closeBrace || character === closeBracket) {
      open.pop();
    } else if (character === quote) {
      const end = endOfString(text, at + 1);
      const written = text.slice(at + 1, end);
      // Looked for in the string alone: a search through the rest of the text, at every string, made large bodies cost their square.
      const escaped = written.includes('\\');
      const content = escaped ? (JSON.parse(`"${written}"`) as string) : written;
      if (escaped) checkText(content);
      at = end;
      if (isName(text, end + 1)) checkName(content, open.at(-1) as Set<string>);
    }
  }
}

function endOfString(text: string, from: number): number {
  for (let at = from; ; at++) {
    const character = text.charCodeAt(at);
    if (character === quote) return at;
    if (character === backslash) at++;
  }
}

/** Whether the string that ended before `at` names a field: only then does a colon follow. */
function isName(text: string, at: number): boolean {
  let next = at;
  while (text.charCodeAt(next) <= 0x20) next++;
  return text.charCodeAt(next) === colon;
}

function checkText(content: string): void {
  if (content.includes('\0')) throw notJson('A text contains the character NUL.');
  if (!content.isWellFormed()) throw notJson('A text contains half of a surrogate pair.');
}

function checkName(name: string, names: Set<string>): void {
  if (name === '__proto__' || name === 'constructor') throw notJson('A field has a name that is not allowed.');
  if (names.has(name)) throw notJson('A field appears twice in one object.');
  names.add(name);
}

function notJson(detail: string): AppError {
  return refusal('request.invalid', detail, { errors: [{ path: '', message: detail }] });
}
