import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
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

/** Runs `call` with a signal that fires at the timeout, at a cancel and when the worker gives up. It always ends, whatever `call` does with the signal. */
export async function attempt<T>(call: (signal: AbortSignal) => T | PromiseLike<T>, limits: AttemptLimits): Promise<Attempted<T>> {
  const { timeoutMs, graceMs, cancelled, givenUp } = limits;
  if (givenUp.aborted) return { kind: 'given up' };
  const timedOut = new AmendsError('STEP_TIMED_OUT', `no answer within ${timeoutMs} ms: raise timeoutMs if it may take longer`, {
    details: { timeoutMs },
  });
  const stop = new AbortController();
  const waiting = new AbortController();
  const answer = (async (): Promise<Attempted<T>> => {
    try {
      return { kind: 'returned', value: await call(AbortSignal.any([stop.signal, cancelled])) };
    } catch (error) {
      return { kind: 'threw', error };
    }
  })();
  const limit = (async (): Promise<Attempted<T>> => {
    await sleep(timeoutMs, undefined, { signal: waiting.signal });
    stop.abort(timedOut);
    await sleep(graceMs, undefined, { signal: waiting.signal });
    return { kind: 'abandoned', error: timedOut, late: answer };
  })();
  const goingDown = (async (): Promise<Attempted<T>> => {
    await once(givenUp, 'abort', { signal: waiting.signal });
    stop.abort(new DOMException('the worker is going down: another one will take this over', 'AbortError'));
    await sleep(graceMs, undefined, { signal: waiting.signal });
    return { kind: 'given up' };
  })();
  for (const wait of [limit, goingDown]) wait.catch(() => undefined); // called off when the answer comes first
  const first = await Promise.race([answer, limit, goingDown]);
  waiting.abort();
  // An action that gives up because of our signal reports the signal, not what it knows about its effect.
  if (first.kind !== 'threw' || !stop.signal.aborted || !isAbort(first.error)) return first;
  return stop.signal.reason === timedOut ? { kind: 'threw', error: timedOut } : { kind: 'given up' };
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === 'AbortError' || error.name === 'TimeoutError');
}
