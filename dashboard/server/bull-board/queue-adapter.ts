import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import type { JobStatus } from '@bull-board/api/typings/app';
import type { Job, Queue } from 'bullmq';
import type { Engine } from '../../../src/producers/engine.ts';
import { transactionOfJob } from '../../../src/queues/names.ts';
import { whoAsks } from './asked.ts';
import { auditRetry } from './audit.ts';

export interface QueueCard {
  /** The queue's name as Amends has it, on every store the same; BullMQ's may have the namespace before it. */
  readonly name: string;
  readonly title: string;
  readonly description: string;
}

/** The job's name with its transaction, which the id has only in an escaped form. */
function titleOf({ name, data }: { readonly name: string; readonly data: unknown }): string {
  const transaction = transactionIn(data);
  return transaction === undefined ? name : `${name} · ${transaction}`;
}

function transactionIn(data: unknown): string | undefined {
  const transaction = data !== null && typeof data === 'object' && 'transaction' in data ? data.transaction : undefined;
  return typeof transaction === 'string' ? transaction : undefined;
}

/** The transaction in the console. The pages of the board are below its own base. */
function linkOf(data: unknown): { readonly displayText: string; readonly href: string } {
  const transaction = transactionIn(data);
  return { displayText: 'Transaction', href: transaction === undefined ? '..' : `../transactions/${encodeURIComponent(transaction)}` };
}

/** One queue on the board. */
export class SagaQueueAdapter extends BullMQAdapter {
  // A finished job that is run again only finds in the journal that it is done: the button would promise more.
  override readonly allowCompletedRetries = false;
  readonly #name: string;
  readonly #engine: Engine;

  constructor(engine: Engine, queue: Queue, { name, title, description }: QueueCard) {
    super(queue, { displayName: title, description, externalJobUrl: ({ data }) => linkOf(data) });
    this.#engine = engine;
    this.#name = name;
    this.setFormatter('name', titleOf);
  }

  override getName(): string {
    return this.#name;
  }

  override async getJob(id: string): Promise<Job | undefined> {
    const job = await super.getJob(id);
    return job === undefined ? undefined : auditRetry(this.#engine, job);
  }

  override async getJobs(statuses: JobStatus[], start?: number, end?: number): Promise<Job[]> {
    return (await this.#visible(await super.getJobs(statuses, start, end))).map((job) => auditRetry(this.#engine, job));
  }

  /** Those whose transaction may be looked at. */
  async #visible(jobs: Job[]): Promise<Job[]> {
    const { access, request } = whoAsks();
    if (!access.isByTransaction) return jobs;
    const ids = jobs.map(({ id = '' }) => transactionOfJob(id));
    const known = await this.#engine.journal.summaries(ids.filter((id) => id !== undefined));
    const seen = new Set((await access.visible(request, known)).map(({ id }) => id));
    return jobs.filter((_, i) => ids[i] !== undefined && seen.has(ids[i]));
  }
}
