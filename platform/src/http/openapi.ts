import type { kitErrors } from '../errors/index.ts';
import { type Access, type Contract, type Operation, validatorOf } from '../schema/index.ts';
import { declarationOf, type ErrorDeclarations } from './problem.ts';

/** An OpenAPI 3.1 document: plain JSON. */
export type OpenApiDocument = Readonly<Record<string, unknown>>;

/** Describes every operation of the contracts that can be reached from outside. */
export function openApiOf(contracts: readonly Contract[], info: { title: string; version: string }): OpenApiDocument {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const contract of contracts) {
    for (const [name, operation] of Object.entries(contract.operations)) {
      if (operation.access.who === 'internal') continue;
      const path = operation.path.replace(/:([A-Za-z]+)/g, '{$1}');
      paths[path] ??= {};
      paths[path][operation.method.toLowerCase()] = describe(contract, name, operation);
    }
  }
  return {
    openapi: '3.1.0',
    info,
    tags: contracts.map(({ service }) => ({ name: service })),
    paths,
    components: {
      schemas: { Problem: problemSchema },
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'An access token or an API key' },
        orderToken: { type: 'apiKey', in: 'header', name: 'X-Order-Token' },
        cartToken: { type: 'apiKey', in: 'header', name: 'X-Cart-Token' },
      },
    },
  };
}

const problemSchema = {
  type: 'object',
  description: 'RFC 9457',
  required: ['type', 'title', 'status', 'detail', 'code', 'traceId'],
  properties: {
    type: { type: 'string', format: 'uri-reference' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    code: { type: 'string', description: 'Stable' },
    traceId: { type: 'string' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        required: ['path', 'message'],
        properties: { path: { type: 'string', description: 'JSON pointer' }, message: { type: 'string' } },
      },
    },
  },
};

function describe(contract: Contract, name: string, operation: Operation): Record<string, unknown> {
  const described: Record<string, unknown> = {
    operationId: `${contract.service}.${name}`,
    summary: operation.summary,
    tags: [contract.service],
    parameters: [...fieldsOf(operation.params, 'path'), ...fieldsOf(operation.query, 'query'), ...headersOf(operation)],
    security: securityOf(operation.access),
    responses: responsesOf(contract, operation),
  };
  const content = contentOf(operation);
  if (content !== undefined) described.requestBody = { required: !mayBeMissing(operation), content };
  return described;
}

/** A body of which every field is optional may be left out altogether. */
function mayBeMissing({ body }: Operation): boolean {
  return body !== undefined && validatorOf(body).check({});
}

function contentOf(operation: Operation): Record<string, unknown> | undefined {
  if (operation.rawBody !== undefined) {
    return Object.fromEntries(operation.rawBody.map((type) => [type, { schema: { type: 'string' } }]));
  }
  return operation.body === undefined ? undefined : { 'application/json': { schema: operation.body } };
}

function fieldsOf(schema: Operation['params'], where: 'path' | 'query'): unknown[] {
  const { properties, required = [] } = schema as { properties: Record<string, unknown>; required?: string[] };
  return Object.entries(properties).map(([name, field]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    schema: field,
  }));
}

function headersOf(operation: Operation): unknown[] {
  const headers: unknown[] = [];
  const add = (name: string, required: boolean, description: string, maxLength: number) =>
    headers.push({ name, in: 'header', required, description, schema: { type: 'string', minLength: 1, maxLength } });
  if (operation.idempotency !== undefined) {
    add(
      'Idempotency-Key',
      operation.idempotency === 'required',
      'New for every new request; the same to repeat one',
      255,
    );
  }
  if (operation.method === 'PATCH' || operation.method === 'DELETE')
    add('If-Match', false, 'ETag that must still hold', 255);
  if (operation.method === 'GET' && operation.streams === undefined)
    add('If-None-Match', false, 'ETag that is known', 255);
  return headers;
}

function securityOf(access: Access): unknown[] {
  if (access.who === 'anyone') return [{}, { bearer: [] }];
  if (access.who === 'signed') return [{}];
  if (access.who === 'owner' && access.guest === 'order-token') return [{ bearer: [] }, { orderToken: [] }];
  if (access.who === 'owner' && access.guest === 'cart-token') return [{ bearer: [] }, { cartToken: [] }];
  return [{ bearer: [] }];
}

function responsesOf(contract: Contract, operation: Operation): Record<string, unknown> {
  const responses: Record<string, unknown> = {};
  for (const status of operation.statuses) {
    const content = status === 204 ? undefined : answerOf(operation);
    responses[status] = content ? { description: 'Good', content } : { description: 'Good' };
  }
  if (operation.method === 'GET' && operation.streams === undefined) responses[304] = { description: 'Not changed' };
  for (const [status, codes] of refusalsOf(operation, contract.errors)) {
    responses[status] = {
      description: codes.map((code) => `\`${code}\``).join(', '),
      content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
    };
  }
  return responses;
}

function answerOf({ streams, alsoStreams = [], answer }: Operation): Record<string, unknown> | undefined {
  if (streams !== undefined)
    return Object.fromEntries([streams, ...alsoStreams].map((type) => [type, { schema: { type: 'string' } }]));
  return answer && { 'application/json': { schema: answer } };
}

/** Codes by status: the operation's own, and what the kit answers on every operation of its kind. */
function refusalsOf(operation: Operation, declared: ErrorDeclarations): Map<number, string[]> {
  const codes: (keyof typeof kitErrors | (string & {}))[] = [
    ...operation.errors,
    'request.invalid',
    'quota-exceeded',
    'internal',
  ];
  codes.push('service.bad-gateway', 'service.unavailable', 'service.deadline-exceeded');
  // A signature can be as bad as a token.
  codes.push('auth.invalid');
  // Forbidden also where anyone may call: some fields and filters are for staff.
  if (operation.access.who !== 'signed') codes.push('auth.forbidden');
  if (operation.access.who !== 'anyone' && operation.access.who !== 'signed') codes.push('auth.missing');
  if (operation.body !== undefined || operation.rawBody !== undefined) {
    codes.push('request.too-large', 'request.unsupported-media-type', 'request.timeout');
  }
  if (operation.idempotency === 'required') codes.push('idempotency.key-required');
  if (operation.idempotency !== undefined) codes.push('idempotency.key-reused', 'idempotency.in-progress');
  if (operation.method === 'PATCH' || operation.method === 'DELETE') codes.push('resource.stale');
  const byStatus = new Map<number, string[]>();
  for (const code of new Set(codes)) {
    const status = declarationOf(code, declared)?.status ?? 500;
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return byStatus;
}
