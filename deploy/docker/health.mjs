// The health check of a container: `health.mjs live|ready`, exit code 0 for yes. It asks the process that is number 1 of the container, whose
// title says what it hosts (`stoa order`). Plain JavaScript and nothing but Node, for it starts every few seconds.

import { readFileSync } from 'node:fs';
import { request as requestPlain } from 'node:http';
import { request as requestTls } from 'node:https';
import { join } from 'node:path';

/** Where services listen unless STOA_<SERVICE>_PORT says otherwise; the gateway's is PORT. */
export const ports = {
  gateway: 3000,
  user: 4001,
  product: 4002,
  order: 4003,
  payment: 4004,
  inventory: 4005,
  shipping: 4006,
  notification: 4007,
  analytics: 4008,
};

const timeoutMs = 3_000;

/** A service that a process of this title hosts; a process that hosts every one has no names in its title, and the gateway is its door. */
export function hostedService(title) {
  return title.split(/[\0 ]+/).find((word) => Object.hasOwn(ports, word)) ?? 'gateway';
}

/** Where to ask how a service is, from inside its container. */
export function probeOf(service, question, environment) {
  const isDoor = service === 'gateway';
  const port = environment[isDoor ? 'PORT' : `STOA_${service.toUpperCase()}_PORT`] || ports[service];
  const path = `/health/${question}`;
  const folder = environment.STOA_TLS_DIR;
  if (isDoor || !folder) return { tls: undefined, options: { host: '127.0.0.1', port, path } };
  return { tls: folder, options: { host: '127.0.0.1', port, path, servername: service } };
}

function ask({ tls, options }) {
  const pem = (name) => readFileSync(join(tls, name));
  const sent = tls
    ? requestTls({ ...options, ca: pem('ca.pem'), cert: pem('cert.pem'), key: pem('key.pem') })
    : requestPlain(options);
  return new Promise((resolve, reject) => {
    sent.on('response', (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (part) => {
        body += part;
      });
      response.on('end', () => resolve({ ok: response.statusCode === 200, body: body.trim() }));
    });
    sent.on('error', reject);
    sent.setTimeout(timeoutMs, () => sent.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    sent.end();
  });
}

if (import.meta.main) {
  const question = process.argv[2] === 'ready' ? 'ready' : 'live';
  try {
    const service = hostedService(readFileSync('/proc/1/cmdline', 'utf8'));
    const { ok, body } = await ask(probeOf(service, question, process.env));
    process.stdout.write(`${body}\n`);
    process.exitCode = ok ? 0 : 1;
  } catch (error) {
    process.stdout.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
