import type { JobsOptions } from 'bullmq';
import type { OperationJob } from './queue-port.ts';

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
export const ROOT_OPTIONS: JobsOptions = { ...SHARED, removeOnFail: false };

/**
 * A failed action must not hold its root: the journal has turned and the compensations are pending children by then.
 * A failed compensation must: the root waits for the retry that continues it. Removing one would release the root as if it had succeeded.
 */
export function operationOptions(job: OperationJob, nowMs: () => number): JobsOptions {
  const own = { ...SHARED, jobId: job.jobId, ...delayOf(job, nowMs) };
  return job.message.op === 'run'
    ? { ...own, removeOnFail: KEEP_FAILED, ignoreDependencyOnFailure: true }
    : { ...own, removeOnFail: false };
}

/** BullMQ counts a delay from the job's timestamp: by the store's clock, because this process's may be wrong. */
function delayOf({ notBeforeMs }: OperationJob, nowMs: () => number): JobsOptions {
  if (notBeforeMs === undefined) return {};
  const timestamp = nowMs();
  return { timestamp, delay: Math.max(0, Math.min(notBeforeMs - timestamp, LONGEST_DELAY_MS)) };
}
