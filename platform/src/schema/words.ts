import { type TProperties, type TSchema, Type } from 'typebox';
import * as Format from 'typebox/format';

// RFC 3339 in UTC, years 1970 to 9999: earlier or offset instants are mistakes in a shop.
const daysOf = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
Format.Set('instant', (text) => {
  const match =
    /^(19[7-9]\d|[2-9]\d{3})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?Z$/.exec(
      text,
    );
  if (!match) return false;
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return day <= (daysOf[month - 1] as number) && (month !== 2 || day < 29 || leap);
});
Format.Set('id', (text) => /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(text));
Format.Set('mail', (text) =>
  /^[^\s@"<>(),:;\\[\]\p{Cc}]{1,64}@[^\s@"<>(),:;\\[\]\p{Cc}]+\.[^\s@".<>(),:;\\[\]\p{Cc}]{2,}$/u.test(text),
);
// Not blank and without control characters (tab and line breaks are for long texts only).
Format.Set('line', (text) => text.trim() !== '' && !/[\p{Cc}\u2028\u2029]/u.test(text));
Format.Set('text', (text) => !/[\p{Cc}--[\t\n\r]]/v.test(text));
const currencies = new Set(Intl.supportedValuesOf('currency'));
Format.Set('currency', (text) => currencies.has(text));

// Regions that Unicode knows and ISO 3166-1 does not; Kosovo's XK is what carriers use.
const noCountries = new Set('AC CP CQ DG EA EU EZ IC QO TA UN XA XB ZZ'.split(' '));
let regions: Intl.DisplayNames | undefined;
Format.Set('country', (text) => {
  if (!/^[A-Z]{2}$/.test(text) || noCountries.has(text)) return false;
  regions ??= new Intl.DisplayNames('en', { type: 'region', fallback: 'none' });
  // Codes of former times have become others.
  return regions.of(text) !== undefined && Intl.getCanonicalLocales(`und-${text}`)[0] === `und-${text}`;
});

/** An object that refuses unknown fields: what every request and message body is. */
export function strict<P extends TProperties>(properties: P) {
  return Type.Object(properties, { additionalProperties: false });
}

/** Either the schema or null. */
export function nullable<T extends TSchema>(schema: T) {
  return Type.Union([schema, Type.Null()]);
}

/** One of a list of words. */
export function oneOf<const W extends readonly string[]>(words: W) {
  return Type.Unsafe<W[number]>(Type.String({ enum: [...words] }));
}

export const IdText = Type.String({ format: 'id', description: 'UUIDv7' });
export const Instant = Type.String({ format: 'instant', description: 'RFC 3339, UTC' });
export const Currency = Type.String({ format: 'currency', minLength: 3, maxLength: 3, description: 'ISO 4217' });
export const Country = Type.String({ format: 'country', description: 'ISO 3166-1 alpha-2' });
export const Email = Type.String({ format: 'mail', maxLength: 254 });
/** One line of text: not blank, no control characters. */
export const Line = (maxLength: number) => Type.String({ format: 'line', minLength: 1, maxLength });
/** Free text of several lines; may be empty. */
export const Text = (maxLength: number) => Type.String({ format: 'text', maxLength });
/** A count that fits PostgreSQL's integer and every sum made of it. */
export const Quantity = Type.Integer({ minimum: 1, maximum: 1_000_000 });

/** The most minor units that can be owed or paid at once: far below where whole numbers stop being exact, so that sums of thousands stay right. */
export const amountMax = 1_000_000_000_000;

/** Money that is owed or paid: zero or more minor units. */
export const MoneySchema = strict({
  amount: Type.Integer({ minimum: 0, maximum: amountMax }),
  currency: Currency,
});

const metadata = (keys: string, more: { additionalProperties?: false }) =>
  Type.Unsafe<Record<string, string>>(
    Type.Record(Type.String({ minLength: 1, maxLength: 40, pattern: keys }), Text(500), { maxProperties: 50, ...more }),
  );

/** The integrator's own notes, as they are told in answers and messages: up to 50 string values. */
export const Metadata = metadata('^(?!__proto__$)[A-Za-z0-9_.:-]{1,40}$', {});
/** The integrator's own notes, as they are given, under any keys of a line. Closed: another key would be taken otherwise, with whatever it holds. */
export const NewMetadata = metadata('^(?!__proto__$)[^\\p{Cc}\\u2028\\u2029]{1,40}$', { additionalProperties: false });

export const Address = strict({
  name: Line(200),
  line1: Line(200),
  line2: Type.Optional(Line(200)),
  city: Line(100),
  region: Type.Optional(Line(100)),
  postalCode: Line(20),
  country: Country,
  phone: Type.Optional(Line(30)),
});
export type Address = Type.Static<typeof Address>;

/** Query parameters of every list. */
export const pageQuery = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 20 })),
  cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 512 })),
};

/** A page of a list. */
export function page<T extends TSchema>(item: T) {
  return strict({ items: Type.Array(item), nextCursor: nullable(Type.String()) });
}
