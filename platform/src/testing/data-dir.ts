import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A new folder for the data of a shop, to be removed by whoever asked for it. Root's PostgreSQL runs as another user, who may enter it: of a folder
 * that only root may enter the data would be kept elsewhere, and stay when it is removed.
 *
 * @param prefix what its name begins with
 */
export async function newDataDir(prefix: string): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), prefix));
  await chmod(dir, 0o755);
  return dir;
}
