import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { keyRoot, reachable } from './redis.ts';

/** What was acknowledged, and what is there of it: 0 when the number is gone. */
interface LostWrites {
  readonly acknowledged: number;
  readonly found: number;
}

export type Canary = () => Promise<LostWrites | undefined>;

/** What a process that is gone leaves is gone after this long, in seconds. */
const KEPT_S = 3_600;

/**
 * Writes the next number into a key of its own, and gets the one before it back with the answer: a lower one than was acknowledged says that
 * the server has lost writes. Nobody else writes there, so a loss shows although others have counted on since.
 */
export function canaryIn(redis: Redis, namespace: string): Canary {
  const key = `${keyRoot(namespace)}canary:${randomBytes(9).toString('base64url')}`;
  let next = 1;
  let acknowledged = 0;
  let atMs = 0;
  return async () => {
    const sentAtMs = Date.now();
    const before = acknowledged;
    // A process that slept for so long finds its key gone, as it should be.
    const isFresh = sentAtMs - atMs < (KEPT_S * 1_000) / 2;
    const number = next++;
    const found = Number((await reachable(redis.set(key, number, 'EX', KEPT_S, 'GET'))) ?? 0);
    acknowledged = number;
    atMs = sentAtMs;
    return isFresh && found < before ? { acknowledged: before, found } : undefined;
  };
}

/** One for all of them. One that does not answer keeps no loss of another from being told. */
export function allCanaries(canaries: readonly Canary[]): Canary {
  return async () => {
    const answers = await Promise.allSettled(canaries.map((canary) => canary()));
    return answers.flatMap((answer) => (answer.status === 'fulfilled' ? (answer.value ?? []) : []))[0];
  };
}
