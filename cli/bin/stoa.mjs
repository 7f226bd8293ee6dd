#!/usr/bin/env node
// `npx stoa`: hands over to src/main.ts on the pinned Node, whatever Node the machine runs this with. Plain JavaScript for that reason.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const binary = process.platform === 'win32' ? 'node.exe' : 'node';
const pinned = fileURLToPath(new URL(`../../node_modules/node/bin/${binary}`, import.meta.url));
// Half of what V8 would let the heap grow to by itself: a shop on a laptop, or in a container of 512 MB.
const args = ['--max-semi-space-size=24', '--max-old-space-size=384', main, ...process.argv.slice(2)];
// Sources are stripped of their types and compiled once, not at every start of each of nine processes: 0.6 s of a core instead of 1.2 each.
const compiled = fileURLToPath(new URL('../../node_modules/.cache/stoa-compiled', import.meta.url));
// glibc keeps what short-lived large blocks (Argon2 takes 19 MB a password) were made of, a piece for each thread, unless told otherwise.
const env = { NODE_COMPILE_CACHE: compiled, MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '4194304', ...process.env };

if (!existsSync(pinned)) {
  process.stderr.write('The pinned Node is not installed. Run `npm ci` in the folder of the clone first.\n');
  process.exit(1);
}

// Where Node can replace itself (22.15 and later, not on Windows), signals, exit code and process id are the program's own.
if (process.execve && process.platform !== 'win32') process.execve(pinned, [pinned, ...args], env);

const child = spawn(pinned, args, { stdio: 'inherit', env });

for (const signal of process.platform === 'win32'
  ? ['SIGINT', 'SIGTERM']
  : ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2']) {
  process.on(signal, () => {
    // Ctrl-C in a terminal reaches the child by itself; a second one would mean "stop at once".
    const typed = signal === 'SIGINT' && process.stdin.isTTY;
    if (!typed) child.kill(signal);
  });
}

child.on('error', (error) => {
  process.stderr.write(`${pinned} could not be started: ${error.message}\n`);
  process.exit(1);
});
child.on('exit', (code, signal) => {
  process.exit(signal ? 128 + constants.signals[signal] : (code ?? 1));
});
