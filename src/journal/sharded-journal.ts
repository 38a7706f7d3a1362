import { shardOf } from '../connections/shards.ts';
import type { Journal, ListFilter, TransactionPage, TransactionSummary } from './journal.ts';
import { addUp } from './open-counts.ts';
import { MergedPages } from './merged-pages.ts';
import { encodeCursor, resolveLimit } from './page-limits.ts';

/** Times a page asks one shard. Where few fit, a shorter page with a cursor comes rather than a long wait. */
const LOOKS_PER_SHARD = 3;

/** What each shard is asked for at first: its share of the page and a little more, since shares differ. */
function firstShare(limit: number, shards: number): number {
  return Math.min(limit, Math.ceil((limit / shards) * 1.25) + 2);
}

/** One page over all shards, merged by what lists are sorted by. A cursor is a place in that order, so each shard can go on from it. */
async function listShards(shards: readonly Journal[], filter: ListFilter): Promise<TransactionPage> {
  const limit = resolveLimit(filter.limit);
  const merged = new MergedPages(
    shards.map((shard) => (cursor, wanted) => shard.list({ ...filter, cursor: cursor ?? filter.cursor, limit: wanted })),
    LOOKS_PER_SHARD,
  );
  await merged.begin(firstShare(limit, shards.length));
  const transactions: TransactionSummary[] = [];
  while (transactions.length < limit) {
    const next = await merged.next(limit - transactions.length);
    if (next === undefined) return { transactions, nextCursor: undefined };
    // Looked for long enough: whoever goes on there misses nothing, because all that is newer is in this page.
    if ('lookedUpTo' in next) return { transactions, nextCursor: next.lookedUpTo };
    transactions.push(next.transaction);
  }
  const last = transactions.at(-1)!;
  return { transactions, nextCursor: merged.atEnd ? undefined : encodeCursor([last.startedAtMs, last.id]) };
}

/** A journal whose transactions are divided among several by their ids. The plans are in the first of them. */
export function shardedJournal(shards: readonly Journal[]): Journal {
  const [first] = shards;
  if (first === undefined) throw new Error('a journal has at least one shard');
  if (shards.length === 1) return first;
  const of = (id: string): Journal => shards[shardOf(id, shards.length)]!;
  const byShard = (ids: readonly string[]): readonly (readonly [Journal, readonly string[]])[] => {
    const found = new Map<Journal, string[]>();
    for (const id of ids) {
      const known = found.get(of(id));
      if (known === undefined) found.set(of(id), [id]);
      else known.push(id);
    }
    return [...found];
  };
  return {
    commit: (commit) => of(commit.id).commit(commit),
    read: (id, afterVersion) => of(id).read(id, afterVersion),
    list: (filter) => listShards(shards, filter),

    // Sent together: still one round trip.
    async summaries(ids) {
      return (await Promise.all(byShard(ids).map(([shard, some]) => shard.summaries(some)))).flat();
    },

    async histories(ids) {
      const found = await Promise.all(byShard(ids).map(([shard, some]) => shard.histories(some)));
      return new Map(found.flatMap((some) => [...some]));
    },

    async openCounts(sagas) {
      return addUp((await Promise.all(shards.map((shard) => shard.openCounts(sagas)))).flat());
    },

    registerPlan: (plan) => first.registerPlan(plan),
    listPlans: () => first.listPlans(),
    findPlan: (saga, definitionVersion) => first.findPlan(saga, definitionVersion),

    async watch(listener) {
      const stops = await Promise.allSettled(shards.map((shard) => shard.watch(listener)));
      const stop = async (): Promise<void> => {
        await Promise.all(stops.flatMap((one) => (one.status === 'fulfilled' ? [one.value()] : [])));
      };
      const failed = stops.find((one) => one.status === 'rejected');
      if (failed === undefined) return stop;
      await stop();
      throw failed.reason;
    },

    async purge({ endedBeforeMs, limit }) {
      let removed = 0;
      for (const shard of shards) {
        removed += await shard.purge({ endedBeforeMs, limit: limit - removed });
        if (removed >= limit) break;
      }
      return removed;
    },

    timeMs: () => first.timeMs(),

    async close() {
      await Promise.all(shards.map((shard) => shard.close()));
    },
  };
}
