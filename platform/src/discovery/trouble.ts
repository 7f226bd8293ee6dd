import type { Logger } from '../telemetry/index.ts';

/** In a fleet that starts, the others come up within this time: until then it is no news that there is none of them. */
const startMs = 15_000;

/** What keeps a list from being up to date: said in the log when it begins, changes and ends, not every time it is met. */
export class Trouble {
  readonly #log: Logger;
  readonly #service: string;
  readonly #patientUntilMs: number;
  #reason: string | undefined;
  /** What the log said last; undefined when that was nothing, or that all is well. */
  #said: string | undefined;
  #isKnown = false;
  #timer: NodeJS.Timeout | undefined;

  /** @param patienceMs how long there may be no instance at first before it is said; 15 s unless given */
  constructor(log: Logger, service: string, patienceMs = startMs) {
    this.#log = log;
    this.#service = service;
    this.#patientUntilMs = performance.now() + patienceMs;
  }

  get reason(): string | undefined {
    return this.#reason;
  }

  /** Undefined when there is none any more. */
  tell(reason: string | undefined): void {
    this.#reason = reason;
    if (reason === undefined) this.#isKnown = true;
    const waitMs = this.#isKnown ? 0 : this.#patientUntilMs - performance.now();
    if (waitMs <= 0) this.#say();
    else this.#timer ??= setTimeout(() => this.#say(), waitMs).unref();
  }

  /** Nothing is said any more. */
  close(): void {
    clearTimeout(this.#timer);
  }

  #say(): void {
    clearTimeout(this.#timer);
    const reason = this.#reason;
    if (reason === this.#said) return;
    this.#said = reason;
    const fields = { service: this.#service, reason };
    if (reason === undefined) this.#log.info({ service: this.#service }, 'instances of a service are found again');
    else if (this.#isKnown)
      this.#log.warn(fields, 'instances of a service cannot be looked up; the last ones known are used');
    else this.#log.warn(fields, 'no instance of a service has been found yet');
  }
}
