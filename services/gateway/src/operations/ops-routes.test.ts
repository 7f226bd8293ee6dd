import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClients } from '@stoa/platform/client';
import { type HostedHttp, hostHttp } from '@stoa/platform/http';
import { type EdgeHost, opsContract, type Service, type ServiceDefinition } from '@stoa/platform/service';
import { systemClock } from '@stoa/platform/time';
import { pino } from 'pino';
import { createOwnTarget } from './own-target.ts';

const log = pino({ level: 'silent' });
const id = '01a1fbc4-d390-71d6-85d6-c33d5734288f';
const at = '2026-01-01T00:00:00Z';
const saga = {
  ...{ id, name: 'check-out', key: 'o1', status: 'stuck', step: 'capture', attempts: 3, failure: null },
  ...{ correlationId: 'c1', startedAt: at, updatedAt: at },
};
const hangs = () => new Promise(() => undefined);

test('a service that hangs keeps no operator from the sagas of the others', async () => {
  const doors = new Map<string, HostedHttp>();
  const offer = async (service: string, routes: Record<string, unknown>) => {
    const { operations, errors } = opsContract(service);
    const { listSagas, getSaga, retrySaga } = operations;
    const contract = { service, operations: { listSagas, getSaga, retrySaga }, events: {}, commands: {}, errors };
    const definition = { name: service, contract, routes } as unknown as ServiceDefinition;
    doors.set(service, await hostHttp(definition, { name: service, log } as unknown as Service, { log }));
  };
  await offer('user', { listSagas: hangs, getSaga: hangs, retrySaga: hangs });
  await offer('order', {
    listSagas: async () => ({ body: { items: [saga], nextCursor: null } }),
    getSaga: async () => ({ body: { ...saga, input: {}, steps: [], history: [] } }),
    retrySaga: async () => ({ body: { ...saga, status: 'running' } }),
  });
  const host = {
    log,
    clock: systemClock,
    version: 'test',
    targets: ['user', 'order'].map((service) => ({ kind: 'local', contract: opsContract(service) })),
    client: createClients({ caller: 'gateway', local: doors }).client,
    health: async () => [],
  } as unknown as EdgeHost;
  const { hosted } = await createOwnTarget(host, () => false);
  const ask = async (operation: string, input: object) => {
    const { status, body } = await hosted.invoke(operation, {
      ...input,
      principal: { kind: 'user', userId: 'u', sessionId: 's', role: 'operator' },
      cause: { correlationId: 'c' },
      deadlineMs: Date.now() + 10_000,
    } as never);
    return [status, body];
  };
  const placed = { service: 'order', ...saga };
  assert.deepEqual(await ask('listSagas', { query: { status: 'stuck' } }), [
    200,
    { items: [placed], nextCursor: null, partial: ['user'] },
  ]);
  const [status, found] = await ask('getSaga', { params: { id } });
  assert.deepEqual([status, (found as typeof placed).service], [200, 'order']);
  assert.deepEqual(await ask('retrySaga', { params: { id }, body: {} }), [200, { ...placed, status: 'running' }]);
});
