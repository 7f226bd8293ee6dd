import { fault } from '../errors/index.ts';
import type { Environment } from './index.ts';

/** One setting: how its text is read, and what the documentation says about it. */
export interface Setting<T> {
  /** What a good value is, to end the sentence "must be …". */
  readonly expects: string;
  /** The value of a text; undefined when it is not good. */
  readonly read: (text: string) => T | undefined;
  readonly describe: string;
  /** What holds when the variable is missing or empty; `required` when there has to be one. */
  readonly missing: { readonly kind: 'required' } | { readonly kind: 'default'; readonly value: T };
  /** Never shown: not in problems, not in the documentation. */
  readonly secret: boolean;
}

export type Settings = Readonly<Record<string, Setting<unknown>>>;
export type ValuesOf<S extends Settings> = { readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never };

/**
 * Reads settings from the environment.
 *
 * @throws AppError `config.invalid` whose detail has one line for every wrong or missing setting; values of secrets are not in it
 * @example
 * const { PORT } = readSettings(environment, { PORT: setting.port({ default: 3000, describe: "the gateway's port" }) });
 */
export function readSettings<S extends Settings>(environment: Environment, settings: S): ValuesOf<S> {
  const values: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const [name, { read, missing, expects, secret }] of Object.entries(settings)) {
    const text = environment[name]?.trim() ?? '';
    if (text === '') {
      if (missing.kind === 'default') values[name] = missing.value;
      else problems.push(`${name}: must be ${expects}, but is missing`);
      continue;
    }
    const value = read(text);
    if (value === undefined)
      problems.push(`${name}: must be ${expects}, got ${secret ? 'something else (not shown)' : shown(text)}`);
    else values[name] = value;
  }
  if (problems.length > 0) throw fault('config.invalid', problems.join('\n'));
  return values as ValuesOf<S>;
}

/** A setting as the documentation lists it. */
export interface SettingDescription {
  readonly name: string;
  readonly meaning: string;
  readonly expects: string;
  /** Empty for a required or secret one. */
  readonly default: string;
}

/** What the documentation has to say about settings; a test holds the two against each other. */
export function describeSettings(settings: Settings): SettingDescription[] {
  return Object.entries(settings).map(([name, { describe, expects, missing, secret }]) => ({
    name,
    meaning: describe,
    expects,
    default: missing.kind === 'required' || secret || missing.value === undefined ? '' : String(missing.value),
  }));
}

function shown(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
