import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ResolvedRetryPolicy } from '../../src/flows/policy.ts';
import { retryDelayMs } from '../../src/machine/retry.ts';

const POLICY: ResolvedRetryPolicy = { attempts: 10, backoff: 'exponential', delayMs: 100, maxDelayMs: 1000, jitter: 0 };

test('S05 exponential: the delay, twice that, four times, up to the cap', () => {
  expect([1, 2, 3, 4, 5, 6].map((failed) => retryDelayMs(POLICY, failed, 0))).toEqual([100, 200, 400, 800, 1000, 1000]);
});

test('S05 fixed: always the same, and capped as well', () => {
  const fixed = { ...POLICY, backoff: 'fixed' } as const;
  expect([1, 2, 50].map((failed) => retryDelayMs(fixed, failed, 0))).toEqual([100, 100, 100]);
  expect(retryDelayMs({ ...fixed, delayMs: 5000 }, 1, 0)).toBe(1000);
});

test('S05 jitter takes off up to its share of the capped delay', () => {
  const jittered = { ...POLICY, jitter: 0.5 };
  expect(retryDelayMs(jittered, 1, 0)).toBe(100);
  expect(retryDelayMs(jittered, 1, 0.5)).toBe(75);
  expect(retryDelayMs(jittered, 9, 0.5)).toBe(750);
  expect(retryDelayMs({ ...POLICY, jitter: 1 }, 1, 1 - Number.EPSILON)).toBe(0);
});

test('S05 whatever the policy: whole milliseconds within the cap and the jitter, also after very many failures', () => {
  const policies = fc.record({
    attempts: fc.constant(1_000_000),
    backoff: fc.constantFrom('fixed' as const, 'exponential' as const),
    delayMs: fc.integer({ min: 0, max: 2_000_000_000 }),
    maxDelayMs: fc.integer({ min: 0, max: 2_000_000_000 }),
    jitter: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  const failures = fc.oneof(fc.integer({ min: 1, max: 60 }), fc.constantFrom(1024, 1_000_000, Number.MAX_SAFE_INTEGER));
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(policies, failures, random, (policy, failed, drawn) => {
      const delay = retryDelayMs(policy, failed, drawn);
      expect(Number.isSafeInteger(delay)).toBe(true);
      const full = Math.min(
        policy.maxDelayMs,
        policy.backoff === 'fixed' ? policy.delayMs : policy.delayMs * 2 ** Math.min(failed - 1, 52),
      );
      expect(delay).toBeLessThanOrEqual(full);
      expect(delay).toBeGreaterThanOrEqual(Math.floor(full * (1 - policy.jitter)));
    }),
  );
});
