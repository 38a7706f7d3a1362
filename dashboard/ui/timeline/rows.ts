import type { Attempt } from '../../api/attempt.ts';
import type { Operation } from '../../api/common.ts';

/** All attempts at one operation of a step. */
export interface Row {
  readonly key: string;
  readonly step: string;
  readonly op: Operation;
  /** Oldest first. */
  readonly attempts: readonly Attempt[];
}

/** In the order in which the operations were first asked for. */
export function rowsOf(attempts: readonly Attempt[]): readonly Row[] {
  const rows = new Map<string, { key: string; step: string; op: Operation; attempts: Attempt[] }>();
  for (const attempt of attempts) {
    const key = `${attempt.op} ${attempt.step}`;
    const row = rows.get(key);
    if (row === undefined) rows.set(key, { key, step: attempt.step, op: attempt.op, attempts: [attempt] });
    else row.attempts.push(attempt);
  }
  return [...rows.values()];
}

/** When its worker had it; without a start that was told, from when it was asked for. */
export function ranFrom({ startedAtMs, queuedAtMs }: Attempt): number {
  return startedAtMs ?? queuedAtMs;
}

/** It stands in the queue, or works: whether a worker has it is told only from the second attempt on. */
export function isOpen({ outcome }: Attempt): boolean {
  return outcome === 'open';
}

/** When it backs off, or did, before the next attempt. */
export function backoffOf(
  attempt: Attempt,
  next: Attempt | undefined,
  nowMs: number,
): { readonly fromMs: number; readonly toMs: number } | undefined {
  const { endedAtMs, backoffUntilMs } = attempt;
  if (endedAtMs === null || backoffUntilMs === null || backoffUntilMs <= endedAtMs) return undefined;
  const until = next === undefined ? Math.min(backoffUntilMs, nowMs) : Math.min(backoffUntilMs, next.queuedAtMs);
  return until <= endedAtMs ? undefined : { fromMs: endedAtMs, toMs: until };
}
