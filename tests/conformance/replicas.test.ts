// limit: 600 s
// needs: rabbitmq redis consul
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { ask } from '../ask.ts';
import { conform } from './conform.ts';
import { replicas } from './placements.ts';

const quota = 6;

conform(replicas, {
  more(place) {
    it('counts the sign-ins of an address together, whichever gateway they come to', async () => {
      const { fleet, gateways } = place();
      assert.equal(gateways.length, 2);
      const processes = fleet?.of('gateway') ?? [];
      const restart = async (environment: Readonly<Record<string, string>>) => {
        for (const process of processes) {
          await process.end('SIGTERM');
          await process.start(environment);
        }
        await fleet?.ready();
      };
      await restart({ STOA_RATE_LIMITS: 'on', STOA_RATE_LIMIT_AUTH: String(quota) });
      const statuses: number[] = [];
      for (let at = 0; at < quota * 2; at++) {
        const gateway = gateways[at % gateways.length] ?? '';
        const body = { email: `nobody-${at}@example.com`, password: 'correct horse battery' };
        statuses.push((await ask(gateway, 'POST', '/api/v1/auth/login', { body })).status);
      }
      await restart({});
      assert.deepEqual(statuses, [...Array(quota).fill(401), ...Array(quota).fill(429)]);
    });
  },
});
