import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Findings } from './findings.ts';
import { verdicts } from './run-verify.ts';

test('what both passes find is one violation, and the first to see it is the witness', () => {
  const [byApi, byDatabases] = [new Findings(), new Findings()];
  byApi.expect('I9', false, 'order 1', () => 'it is shown otherwise');
  byDatabases.expect('I9', false, 'order 1', () => 'its stream says otherwise');
  byDatabases.expect('I9', false, 'order 2', () => 'its stream has a gap');
  byDatabases.expect('I9', true, 'order 3', () => '');
  const found = verdicts([byApi, byDatabases]).find(({ name }) => name === 'I9');
  assert.deepEqual(
    [found?.verdict, found?.checked, found?.violations, found?.witness],
    ['violated', 4, 2, 'order 1: it is shown otherwise'],
  );
});
