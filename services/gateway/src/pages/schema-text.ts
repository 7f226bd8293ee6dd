/** The parts of JSON Schema that our contracts use. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly format?: string;
  readonly pattern?: string;
  readonly patternProperties?: Readonly<Record<string, JsonSchema>>;
  readonly description?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly $ref?: string;
}

const depthMax = 8;

/** A schema as a person writes it down: `{ id: string, note?: string (up to 200) }`, one field a line. */
export function schemaText(schema: JsonSchema, indent = ''): string {
  if (indent.length / 2 > depthMax) return '…';
  if (schema.$ref !== undefined) return schema.$ref.slice(schema.$ref.lastIndexOf('/') + 1);
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  if (schema.anyOf !== undefined) return schema.anyOf.map((one) => schemaText(one, indent)).join(' | ');
  if (schema.items !== undefined) return `[ ${schemaText(schema.items, indent)} ]${limits(schema)}`;
  if (schema.properties !== undefined) return objectText(schema, indent);
  if (schema.patternProperties !== undefined) {
    const [value = {}] = Object.values(schema.patternProperties);
    return `{ [name]: ${schemaText(value, indent)} }`;
  }
  return `${schema.type ?? 'anything'}${limits(schema)}`;
}

function objectText({ properties = {}, required = [] }: JsonSchema, indent: string): string {
  const names = Object.keys(properties);
  if (names.length === 0) return '{}';
  const inner = `${indent}  `;
  const lines = names.map((name) => {
    const field = properties[name] as JsonSchema;
    const note = field.description === undefined ? '' : `  // ${field.description}`;
    return `${inner}${name}${required.includes(name) ? '' : '?'}: ${schemaText(field, inner)}${note}`;
  });
  return `{\n${lines.join('\n')}\n${indent}}`;
}

function limits(schema: JsonSchema): string {
  const said: string[] = [];
  if (schema.format !== undefined) said.push(schema.format);
  const range = (min: number | undefined, max: number | undefined, unit: string) => {
    if (min !== undefined && max !== undefined) said.push(`${min} to ${max}${unit}`);
    else if (max !== undefined) said.push(`up to ${max}${unit}`);
    else if (min !== undefined) said.push(`from ${min}${unit}`);
  };
  range(schema.minLength, schema.maxLength, ' characters');
  range(schema.minimum, schema.maximum, '');
  range(schema.minItems, schema.maxItems, ' items');
  return said.length === 0 ? '' : ` (${said.join(', ')})`;
}
