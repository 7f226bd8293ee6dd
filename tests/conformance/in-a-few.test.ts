// limit: 600 s
// load: half
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { it } from 'node:test';
import { conform } from './conform.ts';
import { inAFew } from './placements.ts';

conform(inAFew, {
  more(place) {
    it('shows in the list of processes which services share one', async () => {
      const processes = place().fleet?.processes ?? [];
      const titles = processes.map(
        async ({ pid }) => (await readFile(`/proc/${pid}/cmdline`, 'latin1')).split('\0')[0],
      );
      assert.deepEqual(await Promise.all(titles), [
        'stoa gateway user product',
        'stoa order payment',
        'stoa inventory shipping notification analytics',
      ]);
    });
  },
});
