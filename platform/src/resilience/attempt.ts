import { fault } from '../errors/index.ts';

/** One try of a call. */
export interface Attempt {
  /** 1 for the first. */
  readonly number: number;
  /**
   * Aborted when this try's time is up. Made when first asked for: work that keeps `deadlineMs` by itself, as everything in this process does, pays for no
   * timer. Work that asks for it must end when it is aborted.
   */
  readonly signal: AbortSignal;
  /** Milliseconds since the epoch by which this try must have ended. */
  readonly deadlineMs: number;
}

// More milliseconds make a timer fire at once.
const timerMsMax = 2 ** 31 - 1;

export class TimedAttempt implements Attempt {
  readonly number: number;
  readonly deadlineMs: number;
  #controller: AbortController | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(number: number, deadlineMs: number) {
    this.number = number;
    this.deadlineMs = deadlineMs;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      const controller = new AbortController();
      const leftMs = Math.max(0, this.deadlineMs - Date.now());
      if (leftMs <= timerMsMax) {
        const late = () => controller.abort(fault('service.deadline-exceeded', 'The service took too long.'));
        this.#timer = setTimeout(late, leftMs);
      }
      this.#controller = controller;
    }
    return this.#controller.signal;
  }

  /** The work has ended: its signal is not aborted any more. */
  end(): void {
    clearTimeout(this.#timer);
  }
}
