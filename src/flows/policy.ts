import { AmendsError } from '../errors.ts';

/** How often and how fast something is tried again. */
export interface RetryPolicy {
  /** Attempts in all, the first included. Default 5 for actions, 10 for compensations. */
  readonly attempts?: number;
  /** Default `exponential`: `delayMs`, twice that, four times, … up to `maxDelayMs`. */
  readonly backoff?: 'fixed' | 'exponential';
  /** Delay before the second attempt, in milliseconds. Default 200. */
  readonly delayMs?: number;
  /** No delay is longer, in milliseconds. Default 30 000. */
  readonly maxDelayMs?: number;
  /** Share of the delay that is drawn at random, 0 (none) to 1 (all), so that retries don't come in step. Default 0.5. */
  readonly jitter?: number;
}

export type ResolvedRetryPolicy = Required<RetryPolicy>;

export interface AttemptPolicy {
  readonly timeoutMs: number;
  readonly retry: ResolvedRetryPolicy;
}

export const DEFAULT_ACTION_POLICY: AttemptPolicy = {
  timeoutMs: 30_000,
  retry: { attempts: 5, backoff: 'exponential', delayMs: 200, maxDelayMs: 30_000, jitter: 0.5 },
};

export const DEFAULT_COMPENSATION_POLICY: AttemptPolicy = {
  timeoutMs: 30_000,
  retry: { attempts: 10, backoff: 'exponential', delayMs: 200, maxDelayMs: 30_000, jitter: 0.5 },
};

function inRange(where: string, value: number, low: number, high: number, whole: boolean): void {
  if (typeof value === 'number' && value >= low && value <= high && (!whole || Number.isInteger(value))) return;
  const kind = whole ? 'a whole number' : 'a number';
  throw new AmendsError('INVALID_DEFINITION', `${where} is ${String(value)}: give ${kind} from ${low} to ${high}`);
}

/** A day short of the longest delay a timer of Node can hold (2^31 - 1 ms). */
const LONGEST_MS = 2_000_000_000;

/** Fills in what is missing and refuses what makes no sense, naming `where` it stands. */
export function resolvePolicy(
  where: string,
  given: { readonly timeoutMs?: number | undefined; readonly retry?: RetryPolicy | undefined },
  defaults: AttemptPolicy,
): AttemptPolicy {
  const retry = { ...defaults.retry, ...given.retry };
  const timeoutMs = given.timeoutMs ?? defaults.timeoutMs;
  inRange(`${where}: timeoutMs`, timeoutMs, 1, LONGEST_MS, true);
  inRange(`${where}: retry.attempts`, retry.attempts, 1, 1_000_000, true);
  inRange(`${where}: retry.delayMs`, retry.delayMs, 0, LONGEST_MS, true);
  inRange(`${where}: retry.maxDelayMs`, retry.maxDelayMs, 0, LONGEST_MS, true);
  inRange(`${where}: retry.jitter`, retry.jitter, 0, 1, false);
  if (retry.backoff !== 'fixed' && retry.backoff !== 'exponential') {
    throw new AmendsError('INVALID_DEFINITION', `${where}: retry.backoff is ${String(retry.backoff)}: give 'fixed' or 'exponential'`);
  }
  return Object.freeze({ timeoutMs, retry: Object.freeze(retry) });
}
