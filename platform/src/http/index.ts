/** Operations over HTTP: who may, what shape, errors, ETags, cursors, streams. */
export { type Door, isStaff, userIdOf } from './authorise.ts';
export { answerClientError } from './client-error.ts';
export { decodeCursor, encodeCursor, pageOf } from './cursor.ts';
export { entityTag, requireMatch } from './entity-tag.ts';
export { type ServerEvent, sse } from './event-stream.ts';
export type { ObserveRequest } from './exchange.ts';
export { canonicalJson, fingerprintOf } from './fingerprint.ts';
export { type HostedHttp, type HostHttpOptions, hostHttp } from './host-http.ts';
export { type InvokeInput, type InvokeResult, queryText } from './invoke.ts';
export { parseJson, parseJsonText } from './json-body.ts';
export { listenProblem, stopListening } from './open-server.ts';
export { type OpenApiDocument, openApiOf } from './openapi.ts';
export { paramLengthMax, timeoutMsDefault } from './operation-plan.ts';
export { declarationOf, type ErrorDeclarations, type Problem, problemHeaders, problemOf } from './problem.ts';
export { readCause, readWait, waitSMax } from './request-head.ts';
export { onBehalfHeader, timeoutHeader, unprovenHeader, writeOnBehalf } from './service-headers.ts';
export { urlOnThisMachine } from './url-on-this-machine.ts';
