import { type TSchema, validatorOf } from '@stoa/platform/schema';
import type { Sent, Wire } from '../security/send.ts';

interface Content {
  readonly schema: TSchema;
}

export interface DescribedOperation {
  readonly operationId: string;
  readonly method: string;
  /** As in the contracts: `/api/v1/orders/:id`. */
  readonly path: string;
  readonly parameters: readonly { name: string; in: 'path' | 'query' | 'header'; required: boolean; schema: TSchema }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Content>> };
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, Content>> }>>;
}

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Omit<DescribedOperation, 'method' | 'path'>>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, TSchema>> };
}

/** What `/openapi.json` says, and whether answers are what it says. */
export class ApiDocument {
  readonly operations: readonly DescribedOperation[];
  readonly #schemas: Readonly<Record<string, TSchema>>;
  readonly #byAddress: ReadonlyMap<string, DescribedOperation>;

  private constructor({ paths, components }: OpenApi) {
    this.operations = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, described]) => ({
        ...described,
        method: method.toUpperCase(),
        path: path.replace(/\{([A-Za-z]+)\}/g, ':$1'),
      })),
    );
    this.#schemas = components.schemas;
    this.#byAddress = new Map(this.operations.map((operation) => [`${operation.method} ${operation.path}`, operation]));
  }

  /** Reads the document that the shop serves. */
  static async read(wire: Wire): Promise<ApiDocument> {
    const { text } = await wire.send({ method: 'GET', path: '/openapi.json' });
    return new ApiDocument(JSON.parse(text) as OpenApi);
  }

  find(method: string, path: string): DescribedOperation | undefined {
    return this.#byAddress.get(`${method} ${path}`);
  }

  /** What about the answer is not as described; undefined when all is. */
  differenceOf(method: string, path: string, { status, headers, text }: Sent): string | undefined {
    const described = this.find(method, path);
    if (!described) return `${method} ${path} is not in the document`;
    const response = described.responses[status];
    if (!response) return `${status} is not among the answers described: ${text.slice(0, 300)}`;
    const type = headers['content-type'];
    const content = Object.entries(response.content ?? {});
    if (content.length === 0) return text === '' ? undefined : `${status} comes with a body: ${text.slice(0, 300)}`;
    const known = content.find(([name]) => name === type) ?? content.find(([name]) => name === type?.split(';')[0]);
    if (!known) return `${status} comes as ${type}, not as ${content.map(([name]) => name).join(' or ')}`;
    if (!type?.includes('json') || type.includes('ndjson')) return undefined;
    const violations = validatorOf(this.#resolved(known[1].schema)).violations(JSON.parse(text));
    return violations.length === 0
      ? undefined
      : `${status} ${JSON.stringify(violations.slice(0, 5))} in ${text.slice(0, 500)}`;
  }

  #resolved(schema: TSchema): TSchema {
    const name = /^#\/components\/schemas\/(\w+)$/.exec((schema as { $ref?: string }).$ref ?? '')?.[1];
    return name === undefined ? schema : (this.#schemas[name] as TSchema);
  }
}
