import { AmendsError } from '../errors.ts';

/** How long a worker that is being closed waits for a store that does not answer, in milliseconds. */
const STORE_PATIENCE_MS = 3_000;

/**
 * A worker waits long for a store that is away, so as to lose nothing that only it knows. Once it is being closed it may not: what is left
 * open then is delivered again elsewhere, and journal and barrier settle it.
 */
export class StorePatience {
  /** What makes each of the waits fail. */
  readonly #waiting = new Set<(error: Error) => void>();
  readonly #limitMs: number;
  #ending = false;

  constructor(limitMs: number = STORE_PATIENCE_MS) {
    this.#limitMs = limitMs;
  }

  /** The answer, or STORE_UNREACHABLE when the worker is being closed and the answer takes too long. */
  wait<T>(answer: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      // Two functions and no chain: every step passes here several times.
      const timer = this.#ending ? setTimeout(() => reject(noAnswer()), this.#limitMs) : undefined;
      this.#waiting.add(reject);
      answer.then(
        (value) => {
          this.#waiting.delete(reject);
          if (timer !== undefined) clearTimeout(timer);
          resolve(value);
        },
        (error: unknown) => {
          this.#waiting.delete(reject);
          if (timer !== undefined) clearTimeout(timer);
          reject(error);
        },
      );
    });
  }

  /** The worker is being closed: from now on every wait is limited, those that have begun included. */
  end(): void {
    this.#ending = true;
    const begun = [...this.#waiting];
    setTimeout(() => begun.forEach((reject) => reject(noAnswer())), this.#limitMs).unref();
  }
}

function noAnswer(): AmendsError {
  return new AmendsError('STORE_UNREACHABLE', 'the worker was closed while its store did not answer: another worker takes this over');
}
