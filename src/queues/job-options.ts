import type { JobsOptions } from 'bullmq';
import type { OperationJob } from './queue-port.ts';

/** BullMQ counts attempts too; the journal's count decides, so its own must never run out. */
const ENDLESS = 1_000_000;

/** Finished jobs stay for a while for Bull Board, and so that a racing second add of the same job is a no-op. */
const KEEP_COMPLETED = { age: 3_600, count: 1_000 };
const KEEP_FAILED = { age: 7 * 24 * 3_600, count: 10_000 };

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
export function operationOptions(job: OperationJob): JobsOptions {
  return job.message.op === 'run'
    ? { ...SHARED, jobId: job.jobId, removeOnFail: KEEP_FAILED, ignoreDependencyOnFailure: true }
    : { ...SHARED, jobId: job.jobId, removeOnFail: false };
}
