import assert from 'node:assert/strict';
import { registerHooks } from 'node:module';
import { type PlantName, plants } from './plants.ts';

/*
 * Imported before the program of a shop: changes sources while they are loaded, so that what is planted is in no file of the shop itself. Which plant it is
 * stands in the address of this module.
 */
const name = decodeURIComponent(new URL(import.meta.url).search.slice(1)) as PlantName;

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    const edits = plants[name].edits.filter(({ file }) => url.endsWith(`/${file}`));
    if (edits.length === 0) return loaded;
    let source = String(loaded.source);
    for (const { file, find, put } of edits) {
      assert.equal(source.split(find).length, 2, `${file} has not, or not once: ${find}`);
      source = source.replace(find, () => put);
    }
    return { ...loaded, source };
  },
});
