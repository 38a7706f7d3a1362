import { createPostgresBackend, FlowProducer, Queue, QueueEvents, UnrecoverableError, Worker, type FlowJob, type Job } from 'bullmq';
import { Redis } from 'ioredis';
import { Pool } from 'pg';
import { payloadOf, Refused, Steps, type Contender, type Counted, type Scenario } from './scenario.ts';

const QUEUE = 'yardstick';

/**
 * What a good engineer writes by hand: one static flow root <- s3 <- s2 <- s1 on one queue; when a step fails the whole flow fails, and the
 * failed root starts a second flow that undoes what was done, in reverse. No journal, no history, no search.
 */
export class Yardstick implements Contender {
  readonly #scenario: Scenario;
  /** Other processes work too: what was started here may end there. */
  readonly #hasPeers: boolean;
  readonly #steps: Steps;
  readonly #connection: Redis | Pool;
  readonly #flows: FlowProducer;
  #worker: Worker | undefined;
  #events: QueueEvents | undefined;
  #listener: Redis | undefined;
  readonly #ends = new Map<string, () => void>();
  #runs = 0;
  #started = 0;
  #over = 0;
  #waiting: (() => void) | undefined;

  constructor(scenario: Scenario, hasPeers: boolean) {
    this.#scenario = scenario;
    this.#hasPeers = hasPeers;
    this.#steps = new Steps(scenario);
    this.#connection =
      scenario.store === 'redis'
        ? new Redis(scenario.url, { maxRetriesPerRequest: null, replyMapping: 'legacy' })
        : new Pool({ connectionString: scenario.url, max: 20, options: '-c search_path=bullmq,public' });
    this.#flows = new FlowProducer(...this.#arguments);
  }

  get #arguments(): [{ connection: never }, never] {
    const factory = this.#scenario.store === 'redis' ? undefined : createPostgresBackend;
    return [{ connection: this.#connection as never }, factory as never];
  }

  get counted(): Counted {
    return this.#steps.counted;
  }

  async work(): Promise<void> {
    if (this.#hasPeers) await this.#watch();
    const [options, factory] = this.#arguments;
    const worker = new Worker(QUEUE, (job) => this.#process(job), { ...options, concurrency: this.#scenario.concurrency }, factory);
    worker.on('error', (error) => console.error(error));
    worker.on('failed', (job) => {
      if (job?.name === 'root') void this.#flows.add(this.#undo(job.data as { number: number }));
    });
    worker.on('completed', (job) => {
      if (!this.#hasPeers && job.name === (this.#steps.failing ? 'undone' : 'root')) this.#end();
    });
    this.#worker = worker;
    await worker.waitUntilReady();
  }

  fail(failing: boolean): void {
    this.#steps.failing = failing;
  }

  async start(number: number): Promise<void> {
    this.#started++;
    if (this.#hasPeers) await this.#add(number, () => this.#end());
    else await this.#flows.add(this.#flow(number));
  }

  async ended(): Promise<void> {
    if (this.#over < this.#started) await new Promise<void>((resolve) => (this.#waiting = resolve));
  }

  async run(number: number): Promise<void> {
    this.#started++;
    await this.#listen();
    let onEnd = (): void => undefined;
    const over = new Promise<void>((resolve) => (onEnd = resolve));
    await this.#add(number, onEnd);
    await over;
  }

  /** Not job.waitUntilFinished(): it misses the end of a job that is over and removed before it listens. */
  async #add(number: number, onEnd: () => void): Promise<void> {
    const { opts, ...root } = this.#flow(number);
    const jobId = `run-${process.pid}-${++this.#runs}`;
    this.#ends.set(jobId, onEnd);
    await this.#flows.add({ ...root, opts: { ...opts, jobId } });
  }

  async close(): Promise<void> {
    await this.#worker?.close();
    await this.#events?.close();
    this.#listener?.disconnect(); // BullMQ leaves a connection open that it was given
    await this.#flows.close();
    if (this.#connection instanceof Redis) await this.#connection.quit();
    else await this.#connection.end();
  }

  async #listen(): Promise<QueueEvents> {
    if (this.#events !== undefined) return this.#events;
    const [, factory] = this.#arguments;
    if (this.#connection instanceof Redis) this.#listener = this.#connection.duplicate();
    // From the first event on: "ready" doesn't say that it reads already.
    this.#events = new QueueEvents(QUEUE, { connection: this.#listener ?? this.#connection, lastEventId: '0' }, factory);
    this.#events.on('completed', ({ jobId }) => {
      this.#ends.get(jobId)?.();
      this.#ends.delete(jobId);
    });
    await this.#events.waitUntilReady();
    return this.#events;
  }

  /** Hears of the ends of what is started here, wherever they come. */
  async #watch(): Promise<void> {
    // A queue keeps 10,000 events: whoever is further behind never hears of the rest, and would wait for ever.
    const [options, factory] = this.#arguments;
    const queue = new Queue(QUEUE, { ...options, streams: { events: { maxLen: 1_000_000 } } }, factory);
    await queue.waitUntilReady();
    await queue.close();
    await this.#listen();
  }

  #end(): void {
    this.#over++;
    if (this.#over >= this.#started) this.#waiting?.();
  }

  #process({ name, data }: Job): Promise<unknown> {
    if (name === 'root' || name === 'undone') return Promise.resolve(null);
    const { step } = data as { step: number };
    if (name === 'undo') return Promise.resolve(this.#steps.undo());
    try {
      return Promise.resolve(this.#steps.run(step));
    } catch (error) {
      if (error instanceof Refused) throw new UnrecoverableError(error.message);
      throw error;
    }
  }

  #job(name: string, data: object, children: FlowJob[]): FlowJob {
    return {
      name,
      queueName: QUEUE,
      data,
      opts: {
        removeOnComplete: true,
        removeOnFail: true,
        attempts: 5,
        backoff: { type: 'exponential', delay: 200 },
        failParentOnFailure: true,
      },
      ...(children.length === 0 ? {} : { children }),
    };
  }

  #flow(number: number): FlowJob {
    const { steps, parallel } = this.#scenario;
    const payload = payloadOf(this.#scenario, number);
    let below: FlowJob[] = [];
    for (let step = 1; step <= steps; step += parallel ? 2 : 1) {
      const side = parallel && step < steps ? [this.#job('step', { step: step + 1, ...payload }, [])] : [];
      below = [this.#job('step', { step, ...payload }, below), ...side];
    }
    return { ...this.#job('root', { number }, below), opts: { removeOnComplete: true, removeOnFail: true } };
  }

  #undo({ number }: { readonly number: number }): FlowJob {
    let below: FlowJob[] = [];
    const payload = payloadOf(this.#scenario, number);
    const { steps, parallel, failAt } = this.#scenario;
    // What runs beside the one that fails is not stopped by that, so it is undone too.
    const last = parallel ? Math.min(steps, failAt + (failAt % 2)) : failAt;
    for (let step = last; step >= 1; step--) if (step !== failAt) below = [this.#job('undo', { step, ...payload }, below)];
    return { ...this.#job('undone', { number }, below), opts: { removeOnComplete: true } };
  }
}
