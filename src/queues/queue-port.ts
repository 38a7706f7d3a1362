import type { Queue } from 'bullmq';
import type { SqlExecutor } from '../connections/sql.ts';
import type { OperationMessage, RootMessage } from './messages.ts';

/** Where a job is. */
export interface JobPlace {
  readonly queue: string;
  readonly jobId: string;
}

export interface RootJob extends JobPlace {
  readonly message: RootMessage;
}

export interface OperationJob extends JobPlace {
  /** What Bull Board shows: the step, and `compensate …` for its undo. */
  readonly name: string;
  readonly message: OperationMessage;
  /** Before what waits in its queue: what was begun is finished first. Default: at the end. */
  readonly ahead?: boolean | undefined;
  /** Not to be delivered before, milliseconds since the epoch by the store's clock. Default: at once. */
  readonly notBeforeMs?: number | undefined;
}

/** A job that belongs to no transaction. */
export interface PlainJob extends JobPlace {
  readonly name: string;
  readonly message: object;
}

/** What the engine answers to a delivery; the consumer turns it into the queue's own moves. */
export type Verdict =
  | { readonly kind: 'done'; readonly value: string | null }
  /** Deliver it again after a while; the error is shown meanwhile. */
  | { readonly kind: 'again'; readonly afterMs: number; readonly error: Error }
  /** Finished without success: it stays in `failed`, where a person sees it. */
  | {
      readonly kind: 'failed';
      readonly error: Error;
      /** Called when the job has arrived in `failed`. */
      readonly afterwards?: () => Promise<void>;
    }
  /** Not for this worker, or not now: later, perhaps another one. `why` is shown with the job. */
  | {
      readonly kind: 'postpone';
      readonly afterMs: number;
      readonly why?: string;
      /** What its data are from now on, if it is still this worker's: then nobody else has it in work. */
      readonly keep?: object;
    }
  /** A root: sleep until no child is pending. Where none is, it is delivered again after a while, with these data. */
  | { readonly kind: 'wait'; readonly keep: object };

/** One delivery of a job. */
export interface Delivery {
  readonly jobId: string;
  readonly name: string;
  readonly data: unknown;
  /** 1 for the first. */
  readonly deliveries: number;
  /** How many deliveries of it ended in an error or with the loss of the worker, that it was not merely put off. */
  readonly failures: number;
  /** How long it had waited since it could be taken, in milliseconds; only of a first delivery that was not put off. */
  readonly waitedMs?: number | undefined;
  /** Changes its data. Throws when it is not this worker's any more: then another one has it in work. */
  readonly keep: (changes: object) => Promise<void>;
  /**
   * Adds another child of its root so that it is there before the queue is told how this job ended, whether the answer is waited for or not.
   * `undefined`, of it or of what it gives: it can't.
   */
  readonly addBeforeEnd?: ((child: OperationJob, root: RootJob) => Promise<void> | undefined) | undefined;
}

export interface ConsumerOptions {
  /** Jobs at the same time. */
  readonly concurrency: number;
  /** A worker that does not renew its hold on a job for this long (milliseconds) is taken for dead. */
  readonly lockMs: number;
  /** How often dead workers are looked for, in milliseconds. */
  readonly stallCheckMs: number;
  /** Longest that jobs that are done are kept, in milliseconds. Default: as the queue's backend does. */
  readonly keepMs?: number | undefined;
  readonly onError: (error: Error) => void;
}

export interface Consumer {
  readonly queue: string;
  /** Stops taking jobs and waits for those in work. */
  close(): Promise<void>;
}

export type JobState = 'missing' | 'waiting' | 'delayed' | 'active' | 'waiting-children' | 'completed' | 'failed';

/** A queue as one shard has it. */
export interface QueueInShard {
  /** The queue's name; where there are several shards, with the shard's number. Bull Board has it under this one. */
  readonly name: string;
  readonly shard: number;
  /** BullMQ's own object. */
  readonly queue: Queue;
}

/** The queue behind the engine: BullMQ on Redis, PostgreSQL or the embedded store. */
export interface QueuePort {
  /** Adds a transaction's root with its first operations as children, in one step. Adding it twice is harmless. Without children it is delivered at once. */
  addFlow(root: RootJob, children: readonly OperationJob[], tx?: SqlExecutor): Promise<void>;
  /** Adds an operation as a child of its root. No-op when the job exists. */
  addChild(child: OperationJob, root: RootJob): Promise<void>;
  /** Adds a root alone, when it is gone. No-op when the job exists. */
  addRoot(root: RootJob): Promise<void>;
  /** Adds a job that belongs to no transaction. No-op when the job exists. */
  add(job: PlainJob): Promise<void>;
  /** The oldest of the jobs that nobody has taken. */
  waiting(queue: string, limit: number): Promise<readonly { readonly jobId: string; readonly data: unknown }[]>;
  /** Queues of what belongs to no transaction: in one shard, where there are several. */
  readonly plain: QueuePort;
  stateOf(place: JobPlace): Promise<JobState>;
  /** Removes a job that nobody works on. Gives its {@link Delivery.failures}, without those before its due step; `undefined`: it isn't there or is in work. */
  remove(place: JobPlace): Promise<number | undefined>;
  /** Removes a job that nobody works on, whatever became of it; a root that waited for it goes on. */
  discard(place: JobPlace): Promise<void>;
  /** Puts a failed job back to work. `false`: it isn't in `failed`. */
  retry(place: JobPlace): Promise<boolean>;
  /** Delivers a delayed job now. `false`: it isn't delayed. */
  promote(place: JobPlace): Promise<boolean>;
  /** A page of the ids of the jobs that wait for children. */
  waitingForChildren(queue: string, place: { readonly from: number; readonly limit: number }): Promise<readonly string[]>;
  /** Takes finished children off a root that waits for them: it then goes on. Gives how many it took off. */
  free(root: JobPlace): Promise<number>;
  /** How many jobs of a queue are in each state, in all shards. */
  counts(queue: string): Promise<Readonly<Record<string, number>>>;
  /** Starts taking jobs of a queue; resolves when ready. */
  consume(queue: string, handle: (delivery: Delivery) => Promise<Verdict>, options: ConsumerOptions): Promise<Consumer>;
  /** How many consumers of a queue this process has. */
  consumersHere(queue: string): number;
  /** BullMQ's own object for a queue, in the first shard where there are several. */
  bullQueue(queue: string): Queue;
  /** The queue in each shard, for Bull Board. */
  inShards(queue: string): readonly QueueInShard[];
  /** The {@link QueueInShard.name} of the one that a job is in. */
  nameInShard(place: JobPlace): string;
  close(): Promise<void>;
}
