import { setTimeout as sleep } from 'node:timers/promises';
import { AmendsError } from '../errors.ts';

/** How one call of an action, a compensation or a verification went. */
export type Attempted<T> =
  | { readonly kind: 'returned'; readonly value: T }
  | { readonly kind: 'threw'; readonly error: unknown }
  /** Its time was up and it did not stop: it may still do something. `late` tells, if it ever answers. */
  | { readonly kind: 'abandoned'; readonly error: AmendsError; readonly late: Promise<Attempted<T>> };

export interface AttemptLimits {
  readonly timeoutMs: number;
  /** After its signal fired an action has this long (milliseconds) to stop by itself before it is left behind. */
  readonly graceMs: number;
  /** Fires when the transaction turned back meanwhile. */
  readonly cancelled: AbortSignal;
}

/** Runs `call` with a signal that fires at the timeout and at a cancel. It always ends, whatever `call` does with the signal. */
export async function attempt<T>(call: (signal: AbortSignal) => T | PromiseLike<T>, limits: AttemptLimits): Promise<Attempted<T>> {
  const { timeoutMs, graceMs, cancelled } = limits;
  const timedOut = new AmendsError('STEP_TIMED_OUT', `no answer within ${timeoutMs} ms: raise timeoutMs if it may take longer`, {
    details: { timeoutMs },
  });
  const timeout = new AbortController();
  const waiting = new AbortController();
  const answer = (async (): Promise<Attempted<T>> => {
    try {
      return { kind: 'returned', value: await call(AbortSignal.any([timeout.signal, cancelled])) };
    } catch (error) {
      return { kind: 'threw', error };
    }
  })();
  const limit = (async (): Promise<undefined> => {
    await sleep(timeoutMs, undefined, { signal: waiting.signal });
    timeout.abort(timedOut);
    await sleep(graceMs, undefined, { signal: waiting.signal });
    return undefined;
  })();
  limit.catch(() => undefined); // its wait is called off when the answer comes first
  const first = await Promise.race([answer, limit]);
  waiting.abort();
  if (first === undefined) return { kind: 'abandoned', error: timedOut, late: answer };
  // An action that gives up because of our signal reports the signal, not what it knows about its effect.
  if (first.kind === 'threw' && timeout.signal.aborted && isAbort(first.error)) return { kind: 'threw', error: timedOut };
  return first;
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === 'AbortError' || error.name === 'TimeoutError');
}
