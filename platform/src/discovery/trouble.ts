import type { Logger } from '../telemetry/index.ts';

/** What keeps a list from being up to date: said in the log when it begins, changes and ends, not every time it is met. */
export class Trouble {
  readonly #log: Logger;
  readonly #service: string;
  #reason: string | undefined;

  constructor(log: Logger, service: string) {
    this.#log = log;
    this.#service = service;
  }

  get reason(): string | undefined {
    return this.#reason;
  }

  /** Undefined when there is none any more. */
  tell(reason: string | undefined): void {
    if (reason === this.#reason) return;
    this.#reason = reason;
    const fields = { service: this.#service, reason };
    if (reason === undefined) this.#log.info({ service: this.#service }, 'instances of a service are found again');
    else this.#log.warn(fields, 'instances of a service cannot be looked up; the last ones known are used');
  }
}
