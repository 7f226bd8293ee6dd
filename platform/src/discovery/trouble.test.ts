import { deepEqual, equal } from 'node:assert/strict';
import { describe, mock, test } from 'node:test';
import type { Logger } from '../telemetry/index.ts';
import { Trouble } from './trouble.ts';

describe('what the log says of instances that cannot be looked up', () => {
  const troubleWithin = (patienceMs: number) => {
    const said: string[] = [];
    const hear = (fields: { reason?: string }, text: string) => void said.push(`${text} (${fields.reason ?? ''})`);
    return { said, trouble: new Trouble({ info: hear, warn: hear } as unknown as Logger, 'order', patienceMs) };
  };

  test('is nothing while a fleet starts and all of them are found in time', () => {
    const { said, trouble } = troubleWithin(60_000);
    trouble.tell('none is listed');
    equal(trouble.reason, 'none is listed');
    trouble.tell(undefined);
    trouble.close();
    deepEqual(said, []);
  });

  test('is that none has been found when that lasts, once', () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    try {
      const { said, trouble } = troubleWithin(15_000);
      trouble.tell('none is listed');
      trouble.tell('none is listed');
      mock.timers.tick(14_000);
      deepEqual(said, []);
      mock.timers.tick(2_000);
      deepEqual(said, ['no instance of a service has been found yet (none is listed)']);
      trouble.tell(undefined);
      equal(said[1], 'instances of a service are found again ()');
    } finally {
      mock.timers.reset();
    }
  });

  test('comes at once when some were known before', () => {
    const { said, trouble } = troubleWithin(60_000);
    trouble.tell(undefined);
    trouble.tell('the resolver is dead');
    trouble.tell('the resolver is dead');
    trouble.tell(undefined);
    deepEqual(said, [
      'instances of a service cannot be looked up; the last ones known are used (the resolver is dead)',
      'instances of a service are found again ()',
    ]);
  });
});
