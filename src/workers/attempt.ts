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

async function answerOf<T>(call: () => T | PromiseLike<T>): Promise<Attempted<T>> {
  try {
    return { kind: 'returned', value: await call() };
  } catch (error) {
    return { kind: 'threw', error };
  }
}

function timeoutError(timeoutMs: number): AmendsError {
  return new AmendsError('STEP_TIMED_OUT', `no answer within ${timeoutMs} ms: raise timeoutMs if it may take longer`, {
    details: { timeoutMs },
  });
}

/**
 * Runs `call` with a signal that fires at the timeout, at a cancel and when the worker gives up. It always ends, whatever `call` does with the
 * signal. One timer, and a signal for who asks for it: this is what every step passes through.
 */
export function attempt<T>(call: (stop: LazySignal) => T | PromiseLike<T>, limits: AttemptLimits): Promise<Attempted<T>> {
  const { timeoutMs, graceMs, interrupts } = limits;
  if (interrupts.givenUp) return Promise.resolve({ kind: 'given up' });
  const stop = new LazySignal();
  return new Promise((resolve) => {
    /** What it comes to when it is told to stop, and stops. */
    let stopped: Attempted<T> | undefined;
    let timer: NodeJS.Timeout;
    const settle = (first: Attempted<T>): void => {
      clearTimeout(timer);
      interrupts.leave(listener);
      // An action that gives up because of our signal reports the signal, not what it knows about its effect.
      resolve(stopped !== undefined && first.kind === 'threw' && isAbort(first.error) ? stopped : first);
    };
    const tell = (reason: Error, then: { readonly stopped: Attempted<T>; readonly left: () => Attempted<T> }): void => {
      if (stopped !== undefined) return;
      stopped = then.stopped;
      clearTimeout(timer);
      timer = setTimeout(() => settle(then.left()), graceMs);
      stop.abort(reason);
    };
    const onTimeout = (): void => {
      const error = timeoutError(timeoutMs);
      tell(error, { stopped: { kind: 'threw', error }, left: () => ({ kind: 'abandoned', error, late: answer }) });
    };
    const listener: InterruptListener = {
      onCancelled: (reason) => stop.abort(reason),
      onGivenUp() {
        const reason = new DOMException('the worker is going down: another one will take this over', 'AbortError');
        tell(reason, { stopped: { kind: 'given up' }, left: () => ({ kind: 'given up' }) });
      },
    };
    timer = setTimeout(onTimeout, timeoutMs);
    interrupts.listen(listener);
    const answer = answerOf(() => call(stop));
    void answer.then(settle);
  });
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === 'AbortError' || error.name === 'TimeoutError');
}
