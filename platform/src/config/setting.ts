import type { Setting } from './settings.ts';

interface Said<T> {
  readonly describe: string;
  readonly default?: T;
  readonly secret?: boolean;
}

type Bounds = { readonly min?: number; readonly max?: number };

function make<T>(said: Said<T>, expects: string, read: (text: string) => T | undefined): Setting<T> {
  const missing =
    said.default === undefined ? ({ kind: 'required' } as const) : ({ kind: 'default', value: said.default } as const);
  return { describe: said.describe, secret: said.secret ?? false, expects, read, missing };
}

function wholeNumber(text: string, { min = 0, max = Number.MAX_SAFE_INTEGER }: Bounds): number | undefined {
  if (!/^-?\d{1,16}$/.test(text)) return undefined;
  const value = Number(text);
  return value >= min && value <= max ? value : undefined;
}

function between({ min = 0, max }: Bounds): string {
  return max === undefined ? `of at least ${min}` : `from ${min} to ${max}`;
}

const durationUnits: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The kinds of settings. Each is required unless it has a `default`. */
export const setting = {
  /** A whole number of `unit`, which stands in the problem text: `a whole number of connections from 1 to 100`. */
  integer: (said: Said<number> & Bounds & { unit?: string }) =>
    make(said, `a whole number ${said.unit === undefined ? '' : `of ${said.unit} `}${between(said)}`, (text) =>
      wholeNumber(text, said),
    ),
  port: (said: Said<number>) =>
    make(said, 'a port from 0 to 65535', (text) => wholeNumber(text, { min: 0, max: 65_535 })),
  /** `1`, `true`, `on`, `yes` or `0`, `false`, `off`, `no`. */
  boolean: (said: Said<boolean>) =>
    make(said, '1 or 0', (text) => {
      if (/^(1|true|on|yes)$/i.test(text)) return true;
      return /^(0|false|off|no)$/i.test(text) ? false : undefined;
    }),
  /** A URL of one of the protocols, like `['http', 'https']`. A password in it is never shown when `secret`. */
  url: (said: Said<string> & { protocols: readonly string[] }) =>
    make(said, `a URL that starts with ${said.protocols.map((protocol) => `${protocol}://`).join(' or ')}`, (text) => {
      const protocol = URL.canParse(text) ? new URL(text).protocol.slice(0, -1) : '';
      return said.protocols.includes(protocol) && text.includes('://') ? text : undefined;
    }),
  text: (said: Said<string> & { lengthMin?: number; lengthMax?: number }) => {
    const { lengthMin = 1, lengthMax = 1_000 } = said;
    return make(said, `a text of ${lengthMin} to ${lengthMax} characters`, (text) =>
      text.length >= lengthMin && text.length <= lengthMax ? text : undefined,
    );
  },
  choice: <const W extends readonly string[]>(words: W, said: Said<W[number]>) =>
    make<W[number]>(said, `one of ${words.join(', ')}`, (text) => (words.includes(text) ? text : undefined)),
  /** A duration with its unit (`250ms`, `15s`, `2m`, `24h`, `7d`), in milliseconds. */
  durationMs: (said: Said<number> & Bounds) =>
    make(said, `a duration like 250ms, 15s, 2m, 24h or 7d, ${between(said)} ms`, (text) => {
      const match = /^(\d{1,12})(ms|s|m|h|d)$/.exec(text);
      return match
        ? wholeNumber(String(Number(match[1]) * (durationUnits[match[2] as string] as number)), said)
        : undefined;
    }),
  /** Words separated by commas; blanks around them do not count. */
  list: (said: Said<readonly string[]>) =>
    make<readonly string[]>(said, 'words separated by commas', (text) => {
      const words = text.split(',').map((word) => word.trim());
      return words.includes('') ? undefined : words;
    }),
  /** A setting that may be missing: then undefined. */
  optional: <T>(given: Setting<T>): Setting<T | undefined> => ({
    ...given,
    missing: { kind: 'default', value: undefined },
  }),
};
