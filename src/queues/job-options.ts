import type { JobsOptions } from 'bullmq';
import type { OperationJob, RootJob } from './queue-port.ts';

/** BullMQ counts attempts too; the journal's count decides, so its own must never run out. */
const ENDLESS = 1_000_000;

/** Finished jobs stay for a while for Bull Board, and so that a racing second add of the same job is a no-op. */
const KEEP_COMPLETED = { age: 3_600, count: 1_000 };
const KEEP_FAILED = { age: 7 * 24 * 3_600, count: 10_000 };

/** A wait without an end, or a long one, is looked at once a day. */
export const LONGEST_DELAY_MS = 86_400_000;

const SHARED: JobsOptions = {
  attempts: ENDLESS,
  backoff: { type: 'custom' },
  removeOnComplete: KEEP_COMPLETED,
  stackTraceLimit: 3,
};

/** A root that failed or was removed would take its transaction's waiting place with it. */
export function rootOptions(root: RootJob, nowMs: number): JobsOptions {
  return { ...SHARED, timestamp: nowMs, jobId: root.jobId, removeOnFail: false };
}

/**
 * A failed action must not hold its root: the journal has turned and the compensations are pending children by then.
 * A failed compensation must: the root waits for the retry that continues it. Removing one would release the root as if it had succeeded.
 *
 * @param nowMs by the store's clock; BullMQ counts a delay from the job's timestamp
 */
export function operationOptions(job: OperationJob, nowMs: number): JobsOptions {
  const { jobId, notBeforeMs } = job;
  const delay = notBeforeMs === undefined ? {} : { delay: Math.max(0, Math.min(notBeforeMs - nowMs, LONGEST_DELAY_MS)) };
  const own = { ...SHARED, ...(job.ahead === true ? { lifo: true } : {}), timestamp: nowMs, jobId, ...delay };
  return job.message.op === 'run'
    ? { ...own, removeOnFail: KEEP_FAILED, ignoreDependencyOnFailure: true }
    : { ...own, removeOnFail: false };
}
