import type { ResolvedRetryPolicy } from '../flows/policy.ts';

/**
 * Delay in milliseconds before the attempt that follows `failed` failed ones (1 = after the first).
 * Exponential with a cap; `random` from [0, 1) takes off up to the `jitter` share.
 */
export function retryDelayMs(policy: ResolvedRetryPolicy, failed: number, random: number): number {
  const exponent = Math.min(failed - 1, 52); // beyond that doubling leaves the range of whole numbers
  const full = policy.backoff === 'fixed' ? policy.delayMs : policy.delayMs * 2 ** exponent;
  const capped = Math.min(full, policy.maxDelayMs);
  return Math.round(capped * (1 - policy.jitter * random));
}
