// Makes node_modules what package-lock.json says, and says so in one line. Plain JavaScript: it runs before the pinned Node is there,
// on whatever Node 20 or later the machine has. It is a script of its own because a shell remembers where it found `node`: the script that
// installs the pinned one cannot also be the one that runs it.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Why the installed packages do not match the lock file, or undefined when they do. npm writes what it installed to
 * node_modules/.package-lock.json, so the two files are compared entry by entry; packages for other platforms are optional and may be absent.
 */
export function staleReason(root) {
  const lockFile = join(root, 'package-lock.json');
  const installedFile = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(installedFile)) return 'nothing is installed yet';
  const locked = JSON.parse(readFileSync(lockFile, 'utf8')).packages;
  const installed = JSON.parse(readFileSync(installedFile, 'utf8')).packages;
  for (const [path, entry] of Object.entries(locked)) {
    if (!path.startsWith('node_modules/')) continue;
    const present = installed[path];
    if (!present && entry.optional) continue;
    if (!present) return `${path} is missing`;
    if (present.integrity !== entry.integrity || present.version !== entry.version) return `${path} has changed`;
    if (!existsSync(join(root, path))) return `${path} is missing`;
  }
  for (const path of Object.keys(installed)) {
    if (path.startsWith('node_modules/') && !locked[path]) return `${path} is no longer wanted`;
  }
  const wanted = locked['node_modules/node']?.version;
  if (wanted && pinnedNodeVersion(root) !== `v${wanted}`) return `the pinned Node ${wanted} is missing`;
  return undefined;
}

/** What the pinned Node answers to --version, or undefined when there is none that runs. */
export function pinnedNodeVersion(root) {
  const answer = spawnSync(pinnedNode(root), ['--version'], { encoding: 'utf8' });
  return answer.status === 0 ? answer.stdout.trim() : undefined;
}

export function pinnedNode(root) {
  return join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
}

function install(root) {
  const started = Date.now();
  const reason = staleReason(root);
  if (!reason) return 0;
  process.stdout.write(`Installing packages with npm ci (${reason}) …\n`);
  // npm puts node_modules/.bin first on the path of a script. npm ci removes that folder, so it must run on the machine's own Node.
  const path = (process.env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => !folder.endsWith(join('node_modules', '.bin')))
    .join(delimiter);
  // Engine warnings speak of the machine's Node, which only installs: everything else runs on the pinned one.
  const result = spawnSync('npm', ['ci', '--loglevel=error', '--no-audit', '--no-fund'], {
    cwd: root,
    env: { ...process.env, PATH: path },
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  });
  if (result.error) return fail(`npm could not be started: ${result.error.message}`);
  if (result.status !== 0) return fail(`npm ci failed with exit code ${result.status ?? result.signal}`);
  const still = staleReason(root);
  if (still) {
    return fail(
      `npm ci ended well but ${still}. If install scripts are off (npm config get ignore-scripts), allow them for this folder.`,
    );
  }
  process.stdout.write(
    `Installed in ${((Date.now() - started) / 1000).toFixed(0)} s; running on Node ${pinnedNodeVersion(root)}.\n`,
  );
  return 0;
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  return 1;
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exitCode = install(fileURLToPath(new URL('..', import.meta.url)));
}
