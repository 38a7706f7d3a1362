import { AmendsError } from '../errors.ts';

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
  /** Fires when the transaction turned back meanwhile. */
  readonly cancelled: AbortSignal;
  /** Fires when the worker is going down and will not wait any longer. */
  readonly givenUp: AbortSignal;
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
 * signal. One timer and one signal, for this is what every step passes through.
 */
export function attempt<T>(call: (signal: AbortSignal) => T | PromiseLike<T>, limits: AttemptLimits): Promise<Attempted<T>> {
  const { timeoutMs, graceMs, cancelled, givenUp } = limits;
  if (givenUp.aborted) return Promise.resolve({ kind: 'given up' });
  const stop = new AbortController();
  return new Promise((resolve) => {
    /** What it comes to when it is told to stop, and stops. */
    let stopped: Attempted<T> | undefined;
    let timer: NodeJS.Timeout;
    const settle = (first: Attempted<T>): void => {
      clearTimeout(timer);
      cancelled.removeEventListener('abort', onCancelled);
      givenUp.removeEventListener('abort', onGivenUp);
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
    const onGivenUp = (): void => {
      const reason = new DOMException('the worker is going down: another one will take this over', 'AbortError');
      tell(reason, { stopped: { kind: 'given up' }, left: () => ({ kind: 'given up' }) });
    };
    const onCancelled = (): void => stop.abort(cancelled.reason);
    timer = setTimeout(onTimeout, timeoutMs);
    if (cancelled.aborted) onCancelled();
    else cancelled.addEventListener('abort', onCancelled, { once: true });
    givenUp.addEventListener('abort', onGivenUp, { once: true });
    const answer = answerOf(() => call(stop.signal));
    void answer.then(settle);
  });
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === 'AbortError' || error.name === 'TimeoutError');
}
