import type { Socket } from 'node:net';
import { type ErrorDeclaration, kitErrors } from '../errors/index.ts';
import { newId } from '../ids/index.ts';
import { newTraceparent, traceIdOf } from '../telemetry/index.ts';

/** Answers bytes that never became a request (a bad request line, headers too large or too slow), then closes the connection. */
export function answerClientError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [code, declared, detail] = readCode(error.code);
  const body = JSON.stringify({
    type: `/docs/errors#${code}`,
    title: declared.title,
    status: declared.status,
    detail,
    code,
    traceId: traceIdOf(newTraceparent()),
  });
  const head = [
    `HTTP/1.1 ${declared.status} ${declared.title}`,
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${newId()}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

function readCode(nodeCode: string | undefined): [code: string, ErrorDeclaration, detail: string] {
  if (nodeCode === 'ERR_HTTP_REQUEST_TIMEOUT')
    return ['request.timeout', kitErrors['request.timeout'], 'The headers took too long to arrive.'];
  const invalid = kitErrors['request.invalid'];
  // 431 in the words of our list: the request is not valid because its headers are too large.
  if (nodeCode === 'HPE_HEADER_OVERFLOW')
    return ['request.invalid', { ...invalid, status: 431 }, 'The headers are too long.'];
  return ['request.invalid', invalid, 'This is not a request of HTTP/1.1.'];
}
