import { AmendsError } from '../errors.ts';
import { LazySignal, type InterruptListener, type Interrupts } from './interrupts.ts';

/** How one call of an action, a compensation or a verification went. */
export type Attempted<T> =
  | { readonly kind: 'returned'; readonly value: T }
  | { readonly kind: 'threw'; readonly error: unknown }
  /** Its time was up and it did not stop: it may still do something. `late` tells, if it ever answers. */
  | { readonly kind: 'abandoned'; readonly error: AmendsError; readonly late: Promise<Attempted<T>> }
  /** The worker is going down and can't wait for it: it stopped when it was told to, or may still do something. */
  | { readonly kind: 'given up' };

export interface AttemptLimits {
  readonly timeoutMs: number;
  /** After its signal fired an action has this long (milliseconds) to stop by itself before it is left behind. */
  readonly graceMs: number;
  readonly interrupts: Interrupts;
}

function timeoutError(timeoutMs: number): AmendsError {
  return new AmendsError('STEP_TIMED_OUT', `no answer within ${timeoutMs} ms: raise timeoutMs if it may take longer`, {
    details: { timeoutMs },
  });
}

/** What an attempt comes to when it is told to stop: if it does, and if it does not. */
interface Ending<T> {
  readonly stopped: Attempted<T>;
  readonly left: () => Attempted<T>;
}

/** One call in work. An object and not closures: this is what every step passes through. */
class Attempt<T> implements InterruptListener {
  readonly #limits: AttemptLimits;
  readonly #stop = new LazySignal();
  readonly #resolve: (first: Attempted<T>) => void;
  #timer: NodeJS.Timeout;
  #ending: Ending<T> | undefined;
  readonly #answer: Promise<Attempted<T>>;

  constructor(call: (stop: LazySignal) => T | PromiseLike<T>, limits: AttemptLimits, resolve: (first: Attempted<T>) => void) {
    this.#limits = limits;
    this.#resolve = resolve;
    this.#timer = setTimeout(() => this.#onTimeout(), limits.timeoutMs);
    limits.interrupts.listen(this);
    this.#answer = this.#call(call);
  }

  onCancelled(reason: Error): void {
    this.#stop.abort(reason);
  }

  onGivenUp(): void {
    const reason = new DOMException('the worker is going down: another one will take this over', 'AbortError');
    this.#tell(reason, { stopped: { kind: 'given up' }, left: () => ({ kind: 'given up' }) });
  }

  #onTimeout(): void {
    const error = timeoutError(this.#limits.timeoutMs);
    this.#tell(error, { stopped: { kind: 'threw', error }, left: () => ({ kind: 'abandoned', error, late: this.#answer }) });
  }

  async #call(call: (stop: LazySignal) => T | PromiseLike<T>): Promise<Attempted<T>> {
    let answer: Attempted<T>;
    try {
      answer = { kind: 'returned', value: await call(this.#stop) };
    } catch (error) {
      answer = { kind: 'threw', error };
    }
    // An action that gives up because of our signal reports the signal, not what it knows about its effect.
    this.#settle(this.#ending !== undefined && answer.kind === 'threw' && isAbort(answer.error) ? this.#ending.stopped : answer);
    return answer;
  }

  #settle(first: Attempted<T>): void {
    clearTimeout(this.#timer);
    this.#limits.interrupts.leave(this);
    this.#resolve(first);
  }

  #tell(reason: Error, ending: Ending<T>): void {
    if (this.#ending !== undefined) return;
    this.#ending = ending;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#settle(ending.left()), this.#limits.graceMs);
    this.#stop.abort(reason);
  }
}

/**
 * Runs `call` with a signal that fires at the timeout, at a cancel and when the worker gives up. It always ends, whatever `call` does with the
 * signal. One timer, and a signal for who asks for it.
 */
export function attempt<T>(call: (stop: LazySignal) => T | PromiseLike<T>, limits: AttemptLimits): Promise<Attempted<T>> {
  if (limits.interrupts.givenUp) return Promise.resolve({ kind: 'given up' });
  return new Promise((resolve) => void new Attempt(call, limits, resolve));
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === 'AbortError' || error.name === 'TimeoutError');
}
