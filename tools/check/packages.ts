import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

interface Manifest {
  readonly dependencies?: Record<string, string>;
  readonly devDependencies?: Record<string, string>;
  readonly allowScripts?: Record<string, boolean>;
}

interface LockEntry {
  readonly version?: string;
  readonly integrity?: string;
  readonly link?: boolean;
  readonly resolved?: string;
  readonly hasInstallScript?: boolean;
  readonly optionalDependencies?: Record<string, string>;
}

/** What keeps an install from being the same everywhere, and dependencies without a reason. */
export async function run(root: string): Promise<string[]> {
  const read = (path: string) => readFile(join(root, path), 'utf8');
  const manifest = JSON.parse(await read('package.json')) as Manifest;
  const lock = JSON.parse(await read('package-lock.json')) as { packages: Record<string, LockEntry> };
  const reasons = await read('docs/reference/dependencies.md').catch(() => '');
  return [
    ...manifestProblems(manifest),
    ...reasonProblems(manifest, reasons),
    ...lockProblems(lock.packages, manifest),
  ];
}

function wanted(manifest: Manifest): [string, string][] {
  return Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
}

function* manifestProblems(manifest: Manifest): Generator<string> {
  for (const [name, version] of wanted(manifest)) {
    if (!/^\d+\.\d+\.\d+/.test(version)) yield `package.json: ${name} ${version} is not an exact version`;
  }
}

function* reasonProblems(manifest: Manifest, reasons: string): Generator<string> {
  const page = 'docs/reference/dependencies.md';
  const rows = new Map([...reasons.matchAll(/^\| `([^`]+)` \| ([^ |]+) \|/gm)].map((row) => [row[1], row[2]]));
  for (const [name, version] of wanted(manifest)) {
    const documented = rows.get(name);
    if (documented === undefined) yield `${page}: ${name} is missing`;
    else if (documented !== version) yield `${page}: ${name} is said to be ${documented}, and is ${version}`;
    rows.delete(name);
  }
  for (const name of rows.keys()) yield `${page}: ${name} is no longer used`;
}

/** npm ci refuses a lock file that lacks a platform's package, and one written where a registry did not have it lacks it. */
function* lockProblems(packages: Record<string, LockEntry>, manifest: Manifest): Generator<string> {
  for (const [path, entry] of Object.entries(packages)) {
    if (!path.startsWith('node_modules/') || entry.link) continue;
    if (!entry.version || !entry.integrity) yield `package-lock.json: ${path} has no version or no integrity`;
    if (entry.resolved) yield `package-lock.json: ${path} names the registry it came from (see .npmrc)`;
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    if (entry.hasInstallScript && !manifest.allowScripts?.[name])
      yield `package.json: allowScripts does not speak of ${name}`;
    for (const optional of Object.keys(entry.optionalDependencies ?? {})) {
      const known = packages[`${path}/node_modules/${optional}`] ?? packages[`node_modules/${optional}`];
      if (!known?.version) yield `package-lock.json: ${path} wants ${optional} on some platform, and the lock lacks it`;
    }
  }
}
