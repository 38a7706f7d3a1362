import { FlowProducer, Job, Queue, type FlowJob, type JobsOptions } from 'bullmq';
import type { SqlExecutor } from '../connections/sql.ts';
import { AmendsError } from '../errors.ts';
import type { StoreClock } from '../journal/clock.ts';
import { gatherJobs, type JobEntry } from './added-jobs.ts';
import type { QueueBackend, QueueTelemetry } from './backend.ts';
import { startConsumer, type JobSource } from './consumer.ts';
import { operationOptions, plainOptions, rootOptions } from './job-options.ts';
import { failuresBefore } from './messages.ts';
import { onStoreTime } from './store-time.ts';
import type {
  Consumer,
  ConsumerOptions,
  Delivery,
  JobPlace,
  JobState,
  OperationJob,
  PlainJob,
  QueueInShard,
  QueuePort,
  RootJob,
  Verdict,
} from './queue-port.ts';

const JOB_STATES: Readonly<Record<string, JobState>> = {
  waiting: 'waiting',
  prioritized: 'waiting',
  paused: 'waiting',
  delayed: 'delayed',
  active: 'active',
  'waiting-children': 'waiting-children',
  completed: 'completed',
  failed: 'failed',
};

/** A removal that takes longer leaves time for a job to be taken, lost and put back: that takes the duration of a lock at least. */
const UNSEEN_LOSS_MS = 1_000;

export interface BullmqQueuesOptions {
  readonly onError: (error: Error) => void;
  /** BullMQ's own. Default: none. */
  readonly telemetry?: QueueTelemetry | undefined;
}

/** BullMQ behind the port, on any backend. */
export class BullmqQueues implements QueuePort {
  readonly #backend: QueueBackend;
  readonly #clock: StoreClock;
  readonly #onError: (error: Error) => void;
  readonly #telemetry: QueueTelemetry | undefined;
  readonly #queues = new Map<string, Queue>();
  readonly #consumers = new Set<Consumer>();
  readonly #addTogether: ((group: readonly JobEntry[]) => Promise<void>) | undefined;

  constructor(backend: QueueBackend, clock: StoreClock, { onError, telemetry }: BullmqQueuesOptions) {
    this.#backend = { ...backend, factory: onStoreTime(backend.factory, clock) };
    this.#clock = clock;
    this.#onError = onError;
    this.#telemetry = telemetry;
    // Any queue will do: each entry names its own.
    if (backend.atomicFlows) this.#addTogether = gatherJobs((entries) => this.#queues.values().next().value!.backend.addFlow(entries));
  }

  addFlow(root: RootJob, children: readonly OperationJob[], tx?: SqlExecutor): Promise<void> {
    if (tx !== undefined) return this.#addInside(tx, root, children);
    return this.#addTogether === undefined ? this.#addInOrder(root, children) : this.#addAtOnce(root, children);
  }

  /** In the caller's SQL transaction. */
  async #addInside(tx: SqlExecutor, root: RootJob, children: readonly OperationJob[]): Promise<void> {
    if (this.#backend.inside === undefined) {
      throw new AmendsError(
        'NOT_ALLOWED',
        "the queue is in Redis, which can't join an SQL transaction: leave tx out, or connect to postgres://",
      );
    }
    const inside = this.#producer(this.#backend.inside(tx));
    try {
      await inside.add(this.#flowOf(root, children));
    } finally {
      await inside.close();
    }
  }

  async addChild(child: OperationJob, root: RootJob): Promise<void> {
    if (this.#addTogether !== undefined) return this.#addTogether([(await this.#childJob(child, root)).toFlowEntry()]);
    await this.#create(this.bullQueue(child.queue), child, root);
  }

  async addRoot(root: RootJob): Promise<void> {
    await this.bullQueue(root.queue).add(root.message.saga, root.message, this.#rootOptions(root));
  }

  async add({ queue, jobId, name, message }: PlainJob): Promise<void> {
    await this.bullQueue(queue).add(name, message, plainOptions(jobId, this.#clock));
  }

  async waiting(queue: string, limit: number): Promise<readonly { readonly jobId: string; readonly data: unknown }[]> {
    const jobs = await this.bullQueue(queue).getJobs(['waiting'], 0, limit - 1, true);
    return jobs.flatMap((job?: Job) => (job?.id === undefined ? [] : [{ jobId: job.id, data: job.data as unknown }]));
  }

  get plain(): QueuePort {
    return this;
  }

  async stateOf(place: JobPlace): Promise<JobState> {
    const job = await this.#find(place);
    return job === undefined ? 'missing' : (JOB_STATES[await job.getState()] ?? 'missing');
  }

  async remove(place: JobPlace): Promise<number | undefined> {
    const state = await this.stateOf(place);
    if (state !== 'waiting' && state !== 'delayed') return undefined;
    // Read when it was seen to wait: what it counted while it was in work would leave out the loss that put it back.
    const readAtMs = performance.now();
    const job = await this.#find(place);
    if (job === undefined) return undefined;
    try {
      await job.remove();
      // In a pause that long it may have been taken, lost and put back.
      const unseen = performance.now() - readAtMs > UNSEEN_LOSS_MS ? 1 : 0;
      return job.attemptsMade + job.stalledCounter + unseen - failuresBefore(job.data);
    } catch (error) {
      // Between the look and the removal a worker took it, and may have finished it, or somebody else removed it.
      const now = await this.stateOf(place);
      if (now !== 'waiting' && now !== 'delayed') return undefined;
      throw error;
    }
  }

  async discard(place: JobPlace, tries = 5): Promise<void> {
    const job = await this.#find(place);
    if (job === undefined || (await job.isActive())) return;
    try {
      await job.remove();
    } catch (error) {
      const now = await this.stateOf(place); // as above
      if (now === 'active' || now === 'missing') return;
      if (tries === 1) throw error;
      await this.discard(place, tries - 1); // a worker that can do nothing with it has put it off again already
    }
  }

  async retry(place: JobPlace): Promise<boolean> {
    const job = await this.#find(place);
    if (job === undefined || !(await job.isFailed())) return false;
    try {
      await job.retry('failed');
      return true;
    } catch (error) {
      if (!(await job.isFailed())) return false; // somebody else retried it between the look and the retry
      throw error;
    }
  }

  async promote(place: JobPlace): Promise<boolean> {
    const job = await this.#find(place);
    if (job === undefined || !(await job.isDelayed())) return false;
    try {
      await job.promote();
      return true;
    } catch (error) {
      if (!(await job.isDelayed())) return false; // its time came, or somebody else promoted it, between the look and the promotion
      throw error;
    }
  }

  waitingForChildren(queue: string, { from, limit }: { readonly from: number; readonly limit: number }): Promise<readonly string[]> {
    return this.bullQueue(queue).getRanges(['waiting-children'], from, from + limit - 1, true);
  }

  async free(root: JobPlace): Promise<number> {
    const job = await this.#find(root);
    if (job === undefined || !(await job.isWaitingChildren())) return 0;
    const { unprocessed = [] } = await job.getDependencies();
    let freed = 0;
    for (const key of unprocessed) {
      // As BullMQ writes it: prefix, queue and job id, none of which has a colon in it; no prefix on PostgreSQL.
      const [jobId = '', queue = ''] = key.split(':').reverse();
      const child = await this.#find({ queue: queue.slice(this.#backend.queuePrefix.length), jobId });
      // One that waits or is in work will finish, and release the root itself.
      if (child === undefined || !((await child.isFailed()) || (await child.isCompleted()))) continue;
      if (await child.removeChildDependency()) freed++;
    }
    return freed;
  }

  counts(queue: string): Promise<Readonly<Record<string, number>>> {
    return this.bullQueue(queue).getJobCounts('waiting', 'active', 'delayed', 'failed', 'waiting-children');
  }

  async consume(queue: string, handle: (delivery: Delivery) => Promise<Verdict>, options: ConsumerOptions): Promise<Consumer> {
    const addOver =
      this.#addTogether === undefined
        ? (worker: JobSource, child: OperationJob, root: RootJob): Promise<void> => this.#create(worker, child, root)
        : undefined;
    const consumer = await startConsumer(this.#backend, queue, handle, { ...options, telemetry: this.#telemetry, addOver });
    this.#consumers.add(consumer);
    const close = async (): Promise<void> => {
      this.#consumers.delete(consumer);
      await consumer.close();
    };
    return { queue, close };
  }

  consumersHere(queue: string): number {
    return [...this.#consumers].filter((consumer) => consumer.queue === queue).length;
  }

  bullQueue(queue: string): Queue {
    const known = this.#queues.get(queue);
    if (known !== undefined) return known;
    const { connection, prefix, factory, queuePrefix } = this.#backend;
    const options = { connection, ...(prefix === undefined ? {} : { prefix }), ...this.#traced };
    // Typed as on Redis, whatever the store: Bull Board and we use only what all backends have.
    const made: Queue = new Queue(`${queuePrefix}${queue}`, options, factory as never);
    made.on('error', this.#onError);
    this.#queues.set(queue, made);
    return made;
  }

  inShards(queue: string): readonly QueueInShard[] {
    return [{ name: queue, shard: 0, queue: this.bullQueue(queue) }];
  }

  nameInShard({ queue }: JobPlace): string {
    return queue;
  }

  async close(): Promise<void> {
    const queues = [...this.#queues.values()];
    this.#queues.clear();
    await Promise.all(queues.map((queue) => queue.close()));
  }

  /**
   * The root, waiting, and then its children, over one connection and without an answer in between. A flow does it in one MULTI, which costs
   * this process three times as much; what a crash leaves half done is put back from the journal, as after a crash before the flow.
   */
  async #addInOrder(root: RootJob, children: readonly OperationJob[]): Promise<void> {
    const queue = this.bullQueue(root.queue);
    if (children.length > 0) await queue.waitUntilReady(); // or a child, whose queue is ready, would overtake it
    const job = new Job(queue, root.message.saga, root.message, this.#rootOptions(root), root.jobId);
    this.#backend.writeTogether?.();
    const added = queue.backend.addJob(job.asJSON(), root.jobId, { addToWaitingChildren: children.length > 0 });
    if (children.length === 0) await added;
    else await Promise.all([added, ...children.map((child) => this.addChild(child, root))]);
  }

  /** The same in one transaction, with what others add at the same time. */
  async #addAtOnce(root: RootJob, children: readonly OperationJob[]): Promise<void> {
    const queue = this.bullQueue(root.queue);
    await queue.waitUntilReady();
    const job = new Job(queue, root.message.saga, root.message, this.#rootOptions(root), root.jobId);
    const entries = [job.toFlowEntry({ addToWaitingChildren: children.length > 0 })];
    for (const child of children) entries.push((await this.#childJob(child, root)).toFlowEntry());
    await this.#addTogether!(entries);
  }

  async #childJob(child: OperationJob, root: RootJob): Promise<Job> {
    const queue = this.bullQueue(child.queue);
    await queue.waitUntilReady();
    return new Job(queue, child.name, child.message, this.#childOptions(child, root), child.jobId);
  }

  /** What Queue.add() comes to, without its tracing and its events, which cost as much again; over the connection of a queue or of a worker. */
  async #create(over: JobSource, child: OperationJob, root: RootJob): Promise<void> {
    await Job.create(over, child.name, child.message, this.#childOptions(child, root));
  }

  #childOptions(child: OperationJob, root: RootJob): JobsOptions {
    const parent = { id: root.jobId, queue: this.bullQueue(root.queue).qualifiedName };
    return Object.assign(operationOptions(child, this.#clock), { parent }, this.#metadata());
  }

  #rootOptions(root: RootJob): JobsOptions {
    return Object.assign(rootOptions(root, this.#clock), this.#metadata());
  }

  get #traced(): { readonly telemetry?: QueueTelemetry } {
    return this.#telemetry === undefined ? {} : { telemetry: this.#telemetry };
  }

  /** The trace that a job's worker goes on with, where BullMQ traces. Most jobs are added past what does that in BullMQ. */
  #metadata(): JobsOptions | undefined {
    if (this.#telemetry === undefined) return undefined;
    const { contextManager } = this.#telemetry;
    return { telemetry: { metadata: contextManager.getMetadata(contextManager.active()) } };
  }

  #producer({ connection, prefix, factory }: QueueBackend): FlowProducer {
    const options = { connection, ...(prefix === undefined ? {} : { prefix }), ...this.#traced };
    const made: FlowProducer = new FlowProducer(options, factory as never);
    made.on('error', this.#onError);
    return made;
  }

  #flowOf(root: RootJob, children: readonly OperationJob[]): FlowJob {
    const { queuePrefix } = this.#backend;
    return {
      name: root.message.saga,
      queueName: `${queuePrefix}${root.queue}`,
      data: root.message,
      opts: this.#rootOptions(root),
      children: children.map((child) => ({
        name: child.name,
        queueName: `${queuePrefix}${child.queue}`,
        data: child.message,
        opts: Object.assign(operationOptions(child, this.#clock), this.#metadata()),
      })),
    };
  }

  #find({ queue, jobId }: JobPlace): Promise<Job | undefined> {
    return this.bullQueue(queue).getJob(jobId);
  }
}
