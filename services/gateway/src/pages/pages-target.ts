import { hash } from 'node:crypto';
import { openApiOf } from '@stoa/platform/http';
import { anyone, type Contract, contract, operation } from '@stoa/platform/schema';
import type { LocalTarget } from '@stoa/platform/service';
import { docsPage } from './docs-page.ts';
import { errorsPage } from './errors-page.ts';
import { style } from './html.ts';

const read = (path: string, summary: string, streams: string) =>
  operation({ method: 'GET', path, summary, access: anyone, streams });

const getDocument = read('/openapi.json', 'Every operation, as OpenAPI 3.1', 'application/json');
const getDocs = read('/docs', 'Every operation, to be read', 'text/html; charset=utf-8');
const getErrors = read('/docs/errors', 'Every error code, to be read', 'text/html; charset=utf-8');

const pagesContract: Contract = contract({
  service: 'gateway',
  operations: { getDocument, getDocs, getErrors },
  events: {},
  commands: {},
  errors: {},
});

/** Nothing from anywhere but the one style that stands in the page. */
const pagePolicy = `default-src 'none'; style-src 'sha256-${hash('sha256', style, 'base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** The documentation: made once at start from the contracts, kept as bytes. */
export function createPagesTarget(contracts: readonly Contract[], version: string): LocalTarget {
  const pages = new Map([
    [getDocument.path, made(JSON.stringify(openApiOf(contracts, { title: 'Stoa', version })), getDocument.streams)],
    [getDocs.path, made(docsPage(contracts, version), getDocs.streams)],
    [getErrors.path, made(errorsPage(contracts), getErrors.streams)],
  ]);
  return {
    kind: 'local',
    contract: pagesContract,
    handle(request, response) {
      const [path = ''] = (request.url ?? '').split('?', 1);
      const page = pages.get(path);
      if (page === undefined) {
        response.destroy();
        return;
      }
      if (request.headers['if-none-match'] === page.etag) {
        response.writeHead(304, page.lasting);
        response.end();
        return;
      }
      response.writeHead(200, [...page.lasting, ...page.content]);
      response.end(page.body);
    },
  };
}

function made(text: string, type = '') {
  const body = Buffer.from(text);
  const etag = `"${hash('sha256', body, 'base64url').slice(0, 22)}"`;
  // On the 304 too: a browser takes what it says in place of what it kept, and the gateway's own policy would take the page's style away.
  const policy = type.startsWith('text/html') ? ['Content-Security-Policy', pagePolicy] : [];
  const lasting = ['ETag', etag, 'Cache-Control', 'no-cache', ...policy];
  return { body, etag, lasting, content: ['Content-Type', type, 'Content-Length', String(body.length)] };
}
