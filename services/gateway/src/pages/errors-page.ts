import { type ErrorDeclaration, kitErrors } from '@stoa/platform/errors';
import type { Contract } from '@stoa/platform/schema';
import { escapeHtml, page } from './html.ts';

/** Every code that an answer may carry, with its status and meaning: where the `type` of each problem leads. */
export function errorsPage(contracts: readonly Contract[]): string {
  const described = new Set<string>();
  const sections = [
    section('Every service', kitErrors, described),
    ...contracts.map(({ service, errors }) => section(service, errors, described)),
  ];
  return page(
    'Stoa errors',
    `<h1>Error codes</h1>
<p>A refused request is answered with <code>application/problem+json</code> (RFC 9457). Its <code>code</code> is one of these and stays the same;
quote its <code>traceId</code> when you report something. <a href="/docs">All operations</a>.</p>
<main>${sections.join('\n')}</main>`,
  );
}

/** A code that two services answer with is described once. */
function section(name: string, errors: Readonly<Record<string, ErrorDeclaration>>, described: Set<string>): string {
  const rows: string[] = [];
  for (const [code, { status, title }] of Object.entries(errors)) {
    if (described.has(code)) continue;
    described.add(code);
    const id = escapeHtml(code);
    rows.push(`<tr id="${id}"><td><code>${id}</code></td><td>${status}</td><td>${escapeHtml(title)}</td></tr>`);
  }
  if (rows.length === 0) return '';
  return `<h2>${escapeHtml(name)}</h2>
<table><thead><tr><th scope="col">Code</th><th scope="col">Status</th><th scope="col">Meaning</th></tr></thead><tbody>${rows.join('\n')}</tbody></table>`;
}
