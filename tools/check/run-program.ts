import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';

/**
 * A check made of a program: what it prints is the problem when it ends with anything but 0. The program is an installed package or the
 * absolute path of a script, and runs on this very Node.
 */
export function runProgram(
  program: string,
  args: readonly string[],
  command?: string,
): (root: string) => Promise<string[]> {
  return async (root) => {
    const script = isAbsolute(program) ? program : await scriptOf(join(root, 'node_modules', program), command);
    const { code, output } = await runScript(script, args, root);
    if (code === 0) return [];
    return [output.trimEnd() || `${program} ended with exit code ${code} and printed nothing`];
  };
}

/** The script behind a package's command, which needs no shell on any system. */
async function scriptOf(folder: string, command: string | undefined): Promise<string> {
  const file = join(folder, 'package.json');
  const { bin } = JSON.parse(await readFile(file, 'utf8')) as { bin: string | Record<string, string> };
  const path = typeof bin === 'string' ? bin : command === undefined ? Object.values(bin)[0] : bin[command];
  if (!path) throw new Error(`${file} has no command ${command ?? 'at all'}`);
  return join(dirname(file), path);
}

function runScript(
  script: string,
  args: readonly string[],
  root: string,
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const keep = (chunk: Buffer) => {
      output += chunk.toString('utf8');
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output }));
  });
}
