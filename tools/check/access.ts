import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const whoMay = new Set(['anyone', 'caller', 'owner', 'staff', 'signed', 'internal']);
const roles = new Set(['customer', 'support', 'merchandiser', 'operator', 'admin']);

/** Operations of contracts/ that do not say who may call them. */
export async function run(root: string): Promise<string[]> {
  const folder = join(root, 'contracts', 'src');
  const files = (await readdir(folder)).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'));
  const problems: string[] = [];
  let operationCount = 0;
  for (const file of files.sort()) {
    const words: Record<string, unknown> = await import(pathToFileURL(join(folder, file)).href);
    for (const contract of Object.values(words)) {
      if (!isContract(contract)) continue;
      for (const [name, operation] of Object.entries(contract.operations)) {
        operationCount++;
        const problem = whatIsWrong(operation);
        if (problem) problems.push(`contracts/src/${file}: ${contract.service}.${name} ${problem}`);
      }
    }
  }
  return operationCount === 0 ? ['contracts/src holds no operation: nothing was checked'] : problems;
}

function isContract(value: unknown): value is { service: string; operations: Record<string, unknown> } {
  return typeof value === 'object' && value !== null && 'service' in value && 'operations' in value;
}

function whatIsWrong(operation: unknown): string | undefined {
  const { access } = operation as { access?: { who?: string; roles?: unknown; orRoles?: unknown } };
  if (!access?.who) return 'does not declare who may call it';
  if (!whoMay.has(access.who)) return `may be called by "${access.who}", which means nothing`;
  const named = access.who === 'staff' ? access.roles : access.who === 'owner' ? access.orRoles : [];
  if (!Array.isArray(named)) return 'does not name its roles';
  const unknown = named.find((role) => !roles.has(role));
  return unknown === undefined ? undefined : `names the unknown role "${unknown}"`;
}
