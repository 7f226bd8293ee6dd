import { mkdir, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cliError } from '../cli-error.ts';

/** What became of the files of a folder. */
export type State = 'made' | 'renewed' | 'kept';

/**
 * Writes files whole: who reads one has the old or the new. Keys can be read by their owner only.
 *
 * @throws CliError `failed` when the folder cannot be written
 */
export async function writeFiles(folder: string, files: Readonly<Record<string, string>>): Promise<'made' | 'renewed'> {
  try {
    await mkdir(folder, { recursive: true });
    const names = Object.keys(files);
    const known = await Promise.all(names.map((name) => stat(join(folder, name)).catch(() => undefined)));
    for (const [name, text] of Object.entries(files)) {
      const path = join(folder, name);
      const unfinished = `${path}.${process.pid}.new`;
      await writeFile(unfinished, text, { mode: name.endsWith('key.pem') ? 0o600 : 0o644 });
      await rename(unfinished, path);
    }
    return known.some((file) => file !== undefined) ? 'renewed' : 'made';
  } catch (error) {
    throw cliError('failed', `${folder} cannot be written (${(error as NodeJS.ErrnoException).code ?? error}).`, {
      cause: error,
    });
  }
}
