import type { Queue } from 'bullmq';
import type { SqlExecutor } from '../connections/sql.ts';
import { shardOf } from '../connections/shards.ts';
import { transactionOfJob } from './names.ts';
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
import { Turns } from './turns.ts';

/** Queues that are divided among shards: all jobs of a transaction are in its shard, which is one slot of a cluster. */
export class ShardedQueues implements QueuePort {
  readonly #shards: readonly QueuePort[];

  /** @param shards in the order of their numbers */
  constructor(shards: readonly QueuePort[]) {
    this.#shards = shards;
  }

  addFlow(root: RootJob, children: readonly OperationJob[], tx?: SqlExecutor): Promise<void> {
    return this.#of(root).addFlow(root, children, tx);
  }

  addChild(child: OperationJob, root: RootJob): Promise<void> {
    return this.#of(root).addChild(child, root);
  }

  addRoot(root: RootJob): Promise<void> {
    return this.#of(root).addRoot(root);
  }

  add(job: PlainJob): Promise<void> {
    return this.plain.add(job);
  }

  waiting(queue: string, limit: number): Promise<readonly { readonly jobId: string; readonly data: unknown }[]> {
    return this.plain.waiting(queue, limit);
  }

  get plain(): QueuePort {
    return this.#shards[0]!;
  }

  stateOf(place: JobPlace): Promise<JobState> {
    return this.#of(place).stateOf(place);
  }

  remove(place: JobPlace): Promise<number | undefined> {
    return this.#of(place).remove(place);
  }

  discard(place: JobPlace): Promise<void> {
    return this.#of(place).discard(place);
  }

  retry(place: JobPlace): Promise<boolean> {
    return this.#of(place).retry(place);
  }

  promote(place: JobPlace): Promise<boolean> {
    return this.#of(place).promote(place);
  }

  /** The shards' lists one after the other. */
  async waitingForChildren(queue: string, { from, limit }: { readonly from: number; readonly limit: number }): Promise<readonly string[]> {
    const page: string[] = [];
    let skip = from;
    for (const shard of this.#shards) {
      const some = await shard.waitingForChildren(queue, { from: skip, limit: limit - page.length });
      page.push(...some);
      if (page.length === limit) break;
      if (some.length > 0 || skip === 0) skip = 0;
      else skip = Math.max(0, skip - (await shard.bullQueue(queue).getWaitingChildrenCount()));
    }
    return page;
  }

  free(root: JobPlace): Promise<number> {
    return this.#of(root).free(root);
  }

  async counts(queue: string): Promise<Readonly<Record<string, number>>> {
    const sums: Record<string, number> = {};
    for (const counts of await Promise.all(this.#shards.map((shard) => shard.counts(queue)))) {
      for (const [state, count] of Object.entries(counts)) sums[state] = (sums[state] ?? 0) + count;
    }
    return sums;
  }

  /**
   * BullMQ has a consumer for each queue, so each shard gets its share of the concurrency, rounded up; and what they have in work together stays
   * within it: what was fetched beyond that waits here for its turn, at most one job for each shard.
   */
  async consume(queue: string, handle: (delivery: Delivery) => Promise<Verdict>, options: ConsumerOptions): Promise<Consumer> {
    const turns = new Turns(options.concurrency);
    const share = { ...options, concurrency: Math.ceil(options.concurrency / this.#shards.length) };
    const begun = await Promise.allSettled(
      this.#shards.map((shard) => shard.consume(queue, (delivery) => turns.during(() => handle(delivery)), share)),
    );
    const close = async (): Promise<void> => {
      await Promise.all(begun.flatMap((one) => (one.status === 'fulfilled' ? [one.value.close()] : [])));
    };
    const failed = begun.find((one) => one.status === 'rejected');
    if (failed === undefined) return { queue, close };
    await close();
    throw failed.reason;
  }

  consumersHere(queue: string): number {
    return this.#shards[0]!.consumersHere(queue);
  }

  bullQueue(queue: string): Queue {
    return this.#shards[0]!.bullQueue(queue);
  }

  inShards(queue: string): readonly QueueInShard[] {
    return this.#shards.map((shard, number) => ({ name: nameIn(queue, number), shard: number, queue: shard.bullQueue(queue) }));
  }

  nameInShard({ queue, jobId }: JobPlace): string {
    return nameIn(queue, this.#numberOf(jobId));
  }

  async close(): Promise<void> {
    await Promise.all(this.#shards.map((shard) => shard.close()));
  }

  #of({ jobId }: JobPlace): QueuePort {
    return this.#shards[this.#numberOf(jobId)]!;
  }

  #numberOf(jobId: string): number {
    return shardOf(transactionOfJob(jobId) ?? '', this.#shards.length);
  }
}

function nameIn(queue: string, shard: number): string {
  return `${queue}.${shard}`;
}
