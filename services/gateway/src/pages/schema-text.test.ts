import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IdText, Metadata, MoneySchema, nullable, oneOf, strict, Type } from '@stoa/platform/schema';
import { escapeHtml } from './html.ts';
import { type JsonSchema, schemaText } from './schema-text.ts';

test('a schema reads as one would write it down', () => {
  const schema = strict({
    id: IdText,
    price: MoneySchema,
    note: Type.Optional(nullable(Type.String({ maxLength: 5 }))),
    kind: oneOf(['a', 'b']),
    tags: Type.Array(Type.String(), { maxItems: 3 }),
  });
  assert.equal(
    schemaText(schema as JsonSchema),
    `{
  id: string (id)  // UUIDv7
  price: {
    amount: integer (0 to 1000000000000)
    currency: string (currency, 3 to 3 characters)  // ISO 4217
  }
  note?: string (up to 5 characters) | null
  kind: "a" | "b"
  tags: [ string ] (up to 3 items)
}`,
  );
  assert.match(schemaText(Metadata as JsonSchema), /^\{ \[name\]: string/);
});

test('text cannot break out of HTML', () => {
  assert.equal(escapeHtml(`<a href='x' title="y">&`), '&lt;a href=&#39;x&#39; title=&quot;y&quot;&gt;&amp;');
});
