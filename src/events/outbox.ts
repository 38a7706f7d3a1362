import type { LoggedEvent } from './global-log.ts';
import { jobIdOf } from './reaction.ts';

/** What is needed of a queue: a BullMQ `Queue` is one. */
export interface JobQueue {
  // oxlint-disable-next-line typescript/no-explicit-any -- the bound that a queue of any data fits
  add(name: any, data: any, options?: any): Promise<unknown>;
}

/** The job that stands for an event. */
export interface OutboxJob {
  /** Default: the event's type. */
  readonly name?: string;
  /** Default: the event, without its place in this store. */
  readonly data?: unknown;
  /** BullMQ's options for it. The id is the event's, whatever is given here. */
  readonly options?: Readonly<Record<string, unknown>>;
}

/** A job that is gone no longer tells that an event was there: finished ones stay for a day, longer than a relay is behind. */
const KEEP_FINISHED_S = 86_400;

function messageOf(event: LoggedEvent): Readonly<Record<string, unknown>> {
  const { aggregateType, aggregateId, eventId, version, eventType, eventData, schemaVersion, metadata, timestamp } = event;
  return { aggregateType, aggregateId, eventId, version, eventType, eventData, schemaVersion, metadata, timestamp };
}

/** Adds the job of an event. Doing it again changes nothing while the first one is in the queue or among those that have finished. */
export async function addJob(queue: JobQueue, event: LoggedEvent, { name, data, options }: OutboxJob): Promise<void> {
  await queue.add(name ?? event.eventType, data ?? messageOf(event), {
    removeOnComplete: { age: KEEP_FINISHED_S },
    ...options,
    jobId: jobIdOf(event.eventId),
  });
}
