import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../cli/src/main.ts', import.meta.url));
const startMsMax = 90_000;

/** Where a process is, and what it is told. */
export interface FleetPlace {
  /** The gateway first, where it is among them. */
  readonly services: readonly string[];
  readonly replica: number;
  /** Where the first of them takes requests. */
  readonly port: number;
  readonly environment: Readonly<Record<string, string>>;
}

/** One process of a fleet: `stoa up <service> …`, which may be ended and started again. */
export class FleetProcess {
  readonly place: FleetPlace;
  /** The `main.ts` that it starts with: another one is another version of the shop. */
  program = main;
  #child: ChildProcess | undefined;
  #output = '';

  constructor(place: FleetPlace) {
    this.place = place;
  }

  get name(): string {
    return `${this.place.services.join(' ')} ${this.place.replica}`;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get isRunning(): boolean {
    const child = this.#child;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** How the system says that it is: `T` when it has been stopped, `Z` or nothing when it has ended. */
  get state(): string {
    try {
      return /\) (\S)/.exec(readFileSync(`/proc/${this.pid}/stat`, 'utf8'))?.[1] ?? '';
    } catch {
      return '';
    }
  }

  /** What the process that runs now, or ran last, has written. */
  get output(): string {
    return this.#output;
  }

  /** How the process ended: a signal's name or an exit code; undefined while it runs. */
  get endedBy(): string | undefined {
    return this.#child?.signalCode ?? this.#child?.exitCode?.toString() ?? undefined;
  }

  /** Starts it; returns when its service answers. */
  async start(environment: Readonly<Record<string, string>> = {}): Promise<void> {
    this.#output = '';
    const child = spawn(
      process.execPath,
      ['--disable-warning=DeprecationWarning', this.program, 'up', ...this.place.services],
      {
        env: { ...this.place.environment, ...environment },
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      },
    );
    this.#child = child;
    const keep = (chunk: Buffer) => {
      this.#output = (this.#output + chunk.toString('utf8')).slice(-100_000);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${this.name} did not start:\n${this.#output}`)), startMsMax);
      child.once('message', () => {
        clearTimeout(timer);
        resolve();
      });
      child.once('exit', (code, signal) => {
        clearTimeout(timer);
        reject(new Error(`${this.name} ended with ${signal ?? code}:\n${this.#output}`));
      });
    });
  }

  /** SIGSTOP, SIGCONT: it goes on existing. */
  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** Sends it a signal and waits until it has ended. */
  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (!child || !this.isRunning) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
  }
}
