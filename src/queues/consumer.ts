import { DelayedError, UnrecoverableError, WaitingChildrenError, Worker, type Job } from 'bullmq';
import { withoutStack } from '../errors.ts';
import type { QueueBackend, QueueTelemetry, Retention } from './backend.ts';
import { WHILE_PROCESSED } from './job-options.ts';
import type { Consumer, ConsumerOptions, Delivery, OperationJob, RootJob, Verdict } from './queue-port.ts';

/** Where a job may be added: a queue, or a worker. */
export type JobSource = Parameters<typeof Job.create>[0];

interface StartOptions extends ConsumerOptions {
  readonly telemetry?: QueueTelemetry | undefined;
  /** Adds a child over the connection of this worker, one for all that it sends: it arrives before what is sent later. Default: none can be. */
  readonly addOver?: ((worker: JobSource, child: OperationJob, root: RootJob) => Promise<void>) | undefined;
}

/** Carries the delay the engine decided on to BullMQ's backoff strategy. */
class RetryLater extends Error {
  readonly afterMs: number;

  constructor(error: Error, afterMs: number) {
    super(error.message, { cause: error });
    this.name = error.name;
    if (error.stack !== undefined) this.stack = error.stack;
    this.afterMs = afterMs;
  }
}

/** A hold on a job is renewed so often before it would run out: a single renewal that fails loses nothing. */
const RENEWALS_PER_LOCK = 3;
/** With the first of so many jobs, those that finished long ago are removed, and those that are too many. */
const JOBS_PER_TRIM = 64;
const FIRST_BACKOFF_MS = 500;
const LONGEST_BACKOFF_MS = 30_000;
/** How long a consumer that is being closed waits for a store that is away. */
const GIVE_UP_MS = 3_000;

/** The engine's own delay, or, for a fault nobody decided about (the store was away), doubling with a cap. */
function backoffMs(attemptsMade: number, _type: string | undefined, error: Error | undefined): number {
  if (error instanceof RetryLater) return error.afterMs;
  return Math.min(FIRST_BACKOFF_MS * 2 ** Math.min(attemptsMade - 1, 10), LONGEST_BACKOFF_MS);
}

/** Unrecoverable is BullMQ's word for "don't try again"; the name in the message keeps the real error readable. */
function finalError(error: Error): Error {
  const final = withoutStack(() => new UnrecoverableError(error.message === '' ? error.name : error.message));
  if (error.stack !== undefined) final.stack = error.stack;
  return final;
}

/** Both times are the store's, or of processes whose clocks agree with it. */
function waitedMs({ attemptsStarted, opts, timestamp, processedOn }: Job): number | undefined {
  if (attemptsStarted > 1 || processedOn === undefined || (opts.delay ?? 0) > 0) return undefined;
  return Math.max(0, processedOn - timestamp);
}

/** Whoever has lost it must not write over what the next one has written. */
async function keep(job: Job, data: object, token: string, lockMs: number): Promise<void> {
  if (!(await job.extendLock(token, lockMs))) throw new Error('another worker has this job now');
  await job.updateData(data);
}

async function carryOut(verdict: Exclude<Verdict, { kind: 'done' }>, job: Job, token: string, lockMs: number): Promise<string | null> {
  switch (verdict.kind) {
    case 'failed':
      throw finalError(verdict.error);
    case 'again':
      throw withoutStack(() => new RetryLater(verdict.error, verdict.afterMs));
    case 'postpone':
      // What Bull Board shows of a job that is put off again and again.
      if (verdict.why !== undefined && job.progress !== verdict.why) await job.updateProgress(verdict.why);
      if (verdict.keep !== undefined) await keep(job, verdict.keep, token, lockMs);
      await job.moveToDelayed(Date.now() + verdict.afterMs, token);
      throw withoutStack(() => new DelayedError());
    case 'wait':
      if (await job.moveToWaitingChildren(token)) throw withoutStack(() => new WaitingChildrenError());
      // Nothing to wait for and not ended: somebody is about to add it, or a person has to act. Look again, ever more rarely.
      if (await job.extendLock(token, lockMs)) await job.updateData(verdict.keep);
      throw new Error('waiting: the transaction has not ended and no job of it is pending');
  }
}

/** Jobs don't outlive their transaction in the journal. Those that failed are kept for whoever looks after them. */
function retentionOf({ removeOnComplete, removeOnFail }: Retention, keepMs = Infinity): Retention {
  return { removeOnComplete: { ...removeOnComplete, age: Math.min(removeOnComplete.age, Math.ceil(keepMs / 1_000)) }, removeOnFail };
}

/** Starts a BullMQ worker over `handle`. */
export async function startConsumer(
  backend: QueueBackend,
  queue: string,
  handle: (delivery: Delivery) => Promise<Verdict>,
  options: StartOptions,
): Promise<Consumer> {
  const afterwards = new Map<string, () => Promise<void>>();
  const settling = new Set<Promise<void>>();
  let taken = 0;
  const addBeforeEnd = (child: OperationJob, root: RootJob): Promise<void> | undefined =>
    child.queue === queue ? options.addOver?.(worker, child, root) : undefined;
  const processor = async (job: Job, token = ''): Promise<string | null> => {
    Object.assign(job.opts, WHILE_PROCESSED);
    // BullMQ looks for what is too much at each finish of a job that doesn't say otherwise.
    if (taken++ % JOBS_PER_TRIM !== 0) job.opts.removeOnComplete = false;
    const verdict = await handle({
      jobId: job.id ?? '',
      name: job.name,
      data: job.data as unknown,
      deliveries: job.attemptsStarted,
      failures: job.attemptsMade + job.stalledCounter,
      waitedMs: waitedMs(job),
      keep: (changes) => keep(job, { ...(job.data as object), ...changes }, token, options.lockMs),
      addBeforeEnd,
    });
    if (verdict.kind === 'failed' && verdict.afterwards !== undefined) afterwards.set(job.id ?? '', verdict.afterwards);
    return verdict.kind === 'done' ? verdict.value : await carryOut(verdict, job, token, options.lockMs);
  };
  const held = backend.forWorker();
  const worker = new Worker(
    `${backend.queuePrefix}${queue}`,
    processor,
    {
      connection: held.connection,
      ...(backend.prefix === undefined ? {} : { prefix: backend.prefix }),
      autorun: false,
      concurrency: options.concurrency,
      lockDuration: options.lockMs,
      lockRenewTime: options.lockMs / RENEWALS_PER_LOCK,
      stalledInterval: options.stallCheckMs,
      // A lost worker must not fail the job: the journal counts losses, and BullMQ's counter is per lifetime of the job.
      maxStalledCount: 1_000_000,
      ...retentionOf(backend.retention, options.keepMs),
      settings: { backoffStrategy: backoffMs },
      ...(options.telemetry === undefined ? {} : { telemetry: options.telemetry }),
    },
    backend.factory,
  );
  worker.on('error', options.onError);
  worker.on('failed', (job) => {
    const follow = afterwards.get(job?.id ?? '');
    if (follow === undefined) return;
    afterwards.delete(job?.id ?? '');
    const settled = follow()
      .catch(options.onError)
      .finally(() => settling.delete(settled));
    settling.add(settled);
  });
  await worker.waitUntilReady();
  const running = worker.run();
  running.catch(options.onError);
  return {
    queue,
    async close(): Promise<void> {
      // What was in work can't be reported while the store is away: its lock runs out, and another worker takes it.
      const givingUp = setInterval(() => void held.giveUp(), GIVE_UP_MS);
      await worker.close().finally(() => clearInterval(givingUp));
      await running.catch(() => undefined); // told to onError already
      await Promise.all(settling);
      await held.release();
    },
  };
}
