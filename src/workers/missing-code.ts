import type { Logger } from 'pino';
import type { State } from '../machine/state.ts';
import type { Delivery, Verdict } from '../queues/queue-port.ts';
import { Seldom } from './seldom.ts';

/** A warning about the same thing comes at most this often, in milliseconds. */
const REPEAT_MS = 60_000;
/** A job that was put off so often, about once a second, has found no worker for it: somebody should know. */
const FUTILE_DELIVERIES = 30;

/** At random, so that another worker has its chance. */
function soon(): number {
  return Math.round(500 + Math.random() * 1_000);
}

/**
 * Puts off what this worker has not the definition or the code for, so that another one takes it, and says so: once a minute as a warning, and
 * as an error when nobody seems to be able to.
 */
export class MissingCode {
  readonly #log: Logger;
  readonly #said = new Seldom(REPEAT_MS);

  constructor(log: Logger) {
    this.#log = log;
  }

  definition({ saga, definitionVersion }: State, delivery: Delivery): Verdict {
    const what = `version ${definitionVersion} of saga "${saga}"`;
    return this.#putOff(what, `deploy a worker that has ${what} among its sagas`, delivery, { saga, definitionVersion });
  }

  code({ saga, definitionVersion }: State, step: string, delivery: Delivery): Verdict {
    const what = `the code of step "${step}" of saga "${saga}", version ${definitionVersion}`;
    return this.#putOff(what, 'deploy a worker with an implementation of it', delivery, { saga, definitionVersion, step });
  }

  #putOff(what: string, remedy: string, delivery: Delivery, facts: Readonly<Record<string, unknown>>): Verdict {
    const futile = delivery.deliveries >= FUTILE_DELIVERIES;
    const level = futile ? 'error' : 'warn';
    if (this.#said.isNews(`${level} ${what}`)) {
      const text = futile ? `nobody here has ${what}, and jobs wait for it: ${remedy}` : `left to another worker: this one has not ${what}`;
      this.#log[level]({ ...facts, jobId: delivery.jobId, deliveries: delivery.deliveries }, text);
    }
    return { kind: 'postpone', afterMs: soon(), why: `waits for a worker that has ${what}` };
  }
}
