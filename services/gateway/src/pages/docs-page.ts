import type { Access, Contract, Operation } from '@stoa/platform/schema';
import { escapeHtml, page } from './html.ts';
import { type JsonSchema, schemaText } from './schema-text.ts';

/** Every operation that can be reached from outside, by service, as one page without scripts. */
export function docsPage(contracts: readonly Contract[], version: string): string {
  const sections = contracts
    .map(({ service, operations }) => ({ service, operations: publicOperations(operations) }))
    .filter(({ operations }) => operations.length > 0);
  const links = sections.map(({ service }) => `<li><a href="#${service}">${escapeHtml(service)}</a></li>`);
  const body = sections.map(
    ({ service, operations }) =>
      `<h2 id="${service}">${escapeHtml(service)}</h2>\n${operations.map((one) => operationHtml(service, one)).join('\n')}`,
  );
  return page(
    'Stoa API',
    `<h1>Stoa API</h1>
<p>Version ${escapeHtml(version)}. The same for programs: <a href="/openapi.json">OpenAPI 3.1</a>. What went wrong: <a href="/docs/errors">all error codes</a>.</p>
<p>JSON in UTF-8. Tokens and keys go in <code>Authorization: Bearer …</code>. Errors are <code>application/problem+json</code> with a stable <code>code</code>.
Lists take <code>limit</code> and <code>cursor</code>. Money is in minor units.</p>
<nav aria-label="Services"><ul>${links.join('')}</ul></nav>
<main>${body.join('\n')}</main>`,
  );
}

interface Named {
  readonly name: string;
  readonly operation: Operation;
}

function publicOperations(operations: Contract['operations']): Named[] {
  return Object.entries(operations)
    .filter(([, { access }]) => access.who !== 'internal')
    .map(([name, operation]) => ({ name, operation }));
}

function operationHtml(service: string, { name, operation }: Named): string {
  const { method, path, summary, access } = operation;
  return `<details id="${service}.${escapeHtml(name)}">
<summary><span class="method">${method}</span><code>${escapeHtml(path)}</code><span class="who">${escapeHtml(whoMay(access))}</span>
<span class="about">${escapeHtml(summary)}</span></summary>
${fields('Path', operation.params)}${fields('Query', operation.query)}${requestHtml(operation)}${answerHtml(operation)}${errorsHtml(operation)}
</details>`;
}

function fields(title: string, schema: unknown): string {
  if (Object.keys((schema as JsonSchema).properties ?? {}).length === 0) return '';
  return block(title, schemaText(schema as JsonSchema));
}

function requestHtml({ body, rawBody, idempotency }: Operation): string {
  const key = idempotency === undefined ? '' : `<p><code>Idempotency-Key</code> is ${idempotency}.</p>`;
  if (rawBody !== undefined)
    return `${key}<p>Body: ${rawBody.map((type) => `<code>${escapeHtml(type)}</code>`).join(' or ')}</p>`;
  return key + (body === undefined ? '' : block('Body', schemaText(body as JsonSchema)));
}

function answerHtml({ answer, statuses, streams }: Operation): string {
  if (streams !== undefined)
    return `<p>Answer ${statuses.join(' or ')}: a stream of <code>${escapeHtml(streams)}</code></p>`;
  if (answer === undefined || statuses[0] === 204) return `<p>Answer ${statuses.join(' or ')}, without a body</p>`;
  return block(`Answer ${statuses.join(' or ')}`, schemaText(answer as JsonSchema));
}

function errorsHtml({ errors }: Operation): string {
  if (errors.length === 0) return '';
  const links = errors.map((code) => `<a href="/docs/errors#${escapeHtml(code)}"><code>${escapeHtml(code)}</code></a>`);
  return `<p>May be refused with ${links.join(', ')}</p>`;
}

function block(title: string, text: string): string {
  return `<p>${escapeHtml(title)}</p><pre tabindex="0">${escapeHtml(text)}</pre>`;
}

function whoMay(access: Access): string {
  if (access.who === 'staff') return access.roles.length === 0 ? 'admin' : access.roles.join(', ');
  if (access.who === 'owner')
    return ['owner', ...access.orRoles, ...(access.guest === undefined ? [] : ['guest'])].join(', ');
  return access.who;
}
