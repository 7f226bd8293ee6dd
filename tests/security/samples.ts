import { newId } from '@stoa/platform/ids';
import { type TSchema, validatorOf } from '@stoa/platform/schema';

/** The parts of JSON Schema that the contracts are made of. */
interface Shape {
  readonly type?: string;
  readonly format?: string;
  readonly enum?: readonly string[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly properties?: Readonly<Record<string, TSchema>>;
  readonly patternProperties?: Readonly<Record<string, TSchema>>;
  readonly items?: TSchema;
  readonly anyOf?: readonly TSchema[];
}

/** Texts among which every pattern of the contracts finds one that it takes. */
const texts = ['a word', 'word', 'GB', 'EUR', 'tok_approved', '/pictures/one.png', '1', 'a'.repeat(32), 'a'.repeat(64)];

const byFormat: Readonly<Record<string, () => string>> = {
  id: () => newId(),
  instant: () => '2026-01-02T03:04:05.000Z',
  mail: () => `${newId()}@customer.example`,
  currency: () => 'EUR',
};

/** A value of the shape, with every field that it may have. Throws for a shape that it cannot make a value of. */
export function sampleOf(schema: TSchema): unknown {
  const shape = schema as Shape;
  const value = candidates(shape).find((candidate) => validatorOf(schema).check(candidate));
  if (value === undefined) throw new Error(`no sample fits ${JSON.stringify(schema)}`);
  return value;
}

function candidates(shape: Shape): unknown[] {
  if (shape.const !== undefined) return [shape.const];
  if (shape.enum) return [...shape.enum];
  if (shape.anyOf) return [sampleOf(shape.anyOf[0] as TSchema)];
  switch (shape.type) {
    case 'object':
      return [objectOf(shape)];
    case 'array':
      return [[sampleOf(shape.items as TSchema)], []];
    case 'string':
      return [byFormat[shape.format ?? '']?.(), ...texts];
    case 'integer':
    case 'number':
      return [Math.max(shape.minimum ?? 1, 1)];
    case 'boolean':
      return [true];
    case 'null':
      return [null];
    default:
      return [{}];
  }
}

function objectOf({ properties, patternProperties }: Shape): Record<string, unknown> {
  if (properties) return Object.fromEntries(Object.entries(properties).map(([name, of]) => [name, sampleOf(of)]));
  const [value] = Object.values(patternProperties ?? {});
  return value ? { size: sampleOf(value) } : {};
}
