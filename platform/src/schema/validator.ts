import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { Settings } from 'typebox/system';
import { Clean } from 'typebox/value';
import { refusal, type Violation } from '../errors/index.ts';

/** Checks values of one shape. Compiled once. */
export interface Validator<T> {
  /** True when the value has the shape. Fast. */
  check(value: unknown): value is T;
  /** Every violation, each with a JSON pointer; empty when there is none. */
  violations(value: unknown, prefix?: string): Violation[];
}

const violationsMax = 100;
// Left alone, it stops at the eighth.
Settings.Set({ maxErrors: violationsMax });

/** The caller's own names may be as long as the body. */
const pathCharactersMax = 200;

/** What texts of our formats have to be, for whoever has sent another. */
const wordsOfFormats: Readonly<Record<string, string>> = {
  id: 'must be an id, like 0190f1e0-8a1c-7d3e-9b2f-4c5d6e7f8a9b',
  instant: 'must be an instant in UTC, like 2026-01-31T08:30:00Z',
  mail: 'must be an e-mail address',
  line: 'must be one line of text, and not blank',
  text: 'must have no control characters but tabs and line breaks',
  currency: 'must be a currency of ISO 4217, like EUR',
  country: 'must be a country of ISO 3166-1, like GB',
};

const compiled = new WeakMap<TSchema, Validator<unknown>>();

/** The validator of a schema; compiled on first use and kept. */
export function validatorOf<T extends TSchema>(schema: T): Validator<Static<T>> {
  let validator = compiled.get(schema);
  if (validator === undefined) {
    validator = compileValidator(schema);
    compiled.set(schema, validator);
  }
  return validator as Validator<Static<T>>;
}

function compileValidator(schema: TSchema): Validator<unknown> {
  const program = Compile(schema);
  return {
    check: (value): value is unknown => program.Check(value),
    violations(value, prefix = '') {
      const found: Violation[] = [];
      const add = (path: string, message: string) =>
        found.push({
          path: prefix + (path.length > pathCharactersMax ? `${path.slice(0, pathCharactersMax)}…` : path),
          message,
        });
      for (const error of program.Errors(value)) {
        // One line a field: `additionalProperties` repeats what the field's own "schema is false" says.
        if (error.keyword === 'additionalProperties') continue;
        const params = error.params as Record<string, unknown>;
        if (error.keyword === 'required') {
          for (const name of params.requiredProperties as string[]) {
            add(`${error.instancePath}/${name}`, 'is required');
          }
        } else if (error.keyword === 'boolean') {
          add(error.instancePath, 'is not a known field');
        } else if (error.keyword === 'format') {
          add(error.instancePath, wordsOfFormats[params.format as string] ?? error.message);
        } else {
          add(error.instancePath, error.message);
        }
        if (found.length >= violationsMax) break;
      }
      return found;
    },
  };
}

/** Returns the value when it has the shape; otherwise refuses with `request.invalid` and every violation. */
export function parse<T extends TSchema>(schema: T, value: unknown, prefix = ''): Static<T> {
  const validator = validatorOf(schema);
  if (validator.check(value)) return value;
  throw refusal('request.invalid', 'The request does not have the shape this operation takes.', {
    errors: validator.violations(value, prefix),
  });
}

/** A copy of the value without the fields that the schema does not know. */
export function withoutUnknownFields(schema: TSchema, value: unknown): unknown {
  return Clean(schema, structuredClone(value));
}

/**
 * Turns the texts of a query string or path into what their schema asks for: integers, numbers and booleans in their one
 * canonical spelling. What does not read so stays a text, and the schema then refuses it.
 */
export function coerceTexts(schema: TSchema, texts: Record<string, unknown>): Record<string, unknown> {
  const properties = (schema as { properties?: Record<string, TSchema> }).properties ?? {};
  const values: Record<string, unknown> = {};
  for (const [name, text] of Object.entries(texts)) {
    const type = (properties[name] as { type?: string } | undefined)?.type;
    if (typeof text !== 'string') values[name] = text;
    else if (type === 'integer' && /^-?(0|[1-9]\d{0,15})$/.test(text)) values[name] = Number(text);
    else if (type === 'number' && /^-?(0|[1-9]\d{0,15})(\.\d{1,10})?$/.test(text)) values[name] = Number(text);
    else if (type === 'boolean' && (text === 'true' || text === 'false')) values[name] = text === 'true';
    else values[name] = text;
  }
  return values;
}
