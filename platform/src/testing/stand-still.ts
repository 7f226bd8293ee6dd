import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const stopMsMax = 10_000;

/**
 * Stops a process, or with a negative id a group of them, as SIGSTOP does, and waits until it has stopped: on a busy machine a program of several threads goes
 * on for a while after the signal. SIGCONT lets it go on.
 */
export async function standStill(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  for (const endMs = performance.now() + stopMsMax; ; await pause(2)) {
    const states = (await processes()).filter((one) => (pid < 0 ? one.group === -pid : one.id === pid));
    if (states.every(({ state }) => 'TZX'.includes(state))) return;
    if (performance.now() > endMs) throw new Error(`${pid} has not stopped: ${JSON.stringify(states)}`);
  }
}

interface State {
  readonly id: number;
  readonly group: number;
  /** T: stopped; Z and X: ended. */
  readonly state: string;
}

async function processes(): Promise<State[]> {
  if (process.platform !== 'linux') {
    const { stdout } = await run('ps', ['-A', '-o', 'pid=,pgid=,state=']);
    return stdout.split('\n').map((line) => stateOf(line.trim().split(/\s+/)));
  }
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(ids.map((id) => readFile(`/proc/${id}/stat`, 'utf8').catch(() => undefined)));
  // pid (command) state parent group …; the command may have blanks and brackets itself.
  return lines.flatMap((line) => {
    if (line === undefined) return [];
    const [state = '', , group = ''] = line.slice(line.lastIndexOf(')') + 2).split(' ');
    return [stateOf([line.slice(0, line.indexOf(' ')), group, state])];
  });
}

function stateOf([id, group, state = '']: readonly (string | undefined)[]): State {
  return { id: Number(id), group: Number(group), state: state.charAt(0) };
}
