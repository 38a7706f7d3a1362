import type { JobsOptions } from 'bullmq';
import type { StoreClock } from '../journal/clock.ts';
import type { OperationJob, RootJob } from './queue-port.ts';

/** BullMQ counts attempts too; the journal's count decides, so its own must never run out. */
const ENDLESS = 1_000_000;

/** What only the worker looks at. Given there, it is neither stored with each job nor sent and read again with it. */
export const WHILE_PROCESSED: JobsOptions = { backoff: { type: 'custom' }, stackTraceLimit: 3 };

/** A wait without an end, or a long one, is looked at once a day. */
export const LONGEST_DELAY_MS = 86_400_000;

/** BullMQ counts a delay from the job's timestamp, by default this process's time. */
function inStoreTime(options: JobsOptions, clock: StoreClock): JobsOptions {
  if (clock.isAway) options.timestamp = clock.nowMs();
  return options;
}

/** A root that failed or was removed would take its transaction's waiting place with it. */
export function rootOptions({ jobId }: RootJob, clock: StoreClock): JobsOptions {
  return inStoreTime({ attempts: ENDLESS, jobId, removeOnFail: false }, clock);
}

/** For what belongs to no transaction. */
export function plainOptions(jobId: string, clock: StoreClock): JobsOptions {
  return inStoreTime({ attempts: ENDLESS, jobId }, clock);
}

/**
 * A failed action must not hold its root: the journal has turned and the compensations are pending children by then.
 * A failed compensation must: the root waits for the retry that continues it. Removing one would release the root as if it had succeeded.
 */
export function operationOptions({ jobId, message, ahead, notBeforeMs }: OperationJob, clock: StoreClock): JobsOptions {
  const options: JobsOptions =
    message.op === 'run' || message.op === 'renew'
      ? { attempts: ENDLESS, jobId, ignoreDependencyOnFailure: true }
      : { attempts: ENDLESS, jobId, removeOnFail: false };
  if (ahead === true) options.lifo = true;
  if (notBeforeMs !== undefined) options.delay = Math.max(0, Math.min(notBeforeMs - clock.nowMs(), LONGEST_DELAY_MS));
  return inStoreTime(options, clock);
}
