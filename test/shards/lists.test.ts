import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Journal, ListFilter, TransactionPage, TransactionSummary } from '../../src/journal/journal.ts';
import { decodeCursor, encodeCursor } from '../../src/journal/page-limits.ts';
import { shardedJournal } from '../../src/journal/sharded-journal.ts';
import { listAll } from '../support/transactions.ts';

function summaryOf(id: string, startedAtMs: number): TransactionSummary {
  const other = { saga: 's', definitionVersion: 1, status: 'running' as const, version: 1, tags: {}, error: undefined };
  return { id, startedAtMs, ...other, updatedAtMs: startedAtMs, endedAtMs: undefined };
}

function before(a: readonly [number, string], b: readonly [number, string]): number {
  return a[0] === b[0] ? Buffer.compare(Buffer.from(b[1]), Buffer.from(a[1])) : b[0] - a[0];
}

/** A list of which every other entry does not fit, and that looks at no more than `budget` of them at a time: pages may be short, or empty. */
function listOf(entries: readonly (readonly [number, string])[], budget: number) {
  const sorted = entries.toSorted(before);
  return ({ cursor, limit }: ListFilter): Promise<TransactionPage> => {
    const from = cursor === undefined ? 0 : sorted.findIndex((entry) => before(decodeCursor(cursor), entry) < 0);
    const rest = from < 0 ? [] : sorted.slice(from);
    const transactions: TransactionSummary[] = [];
    let seen = 0;
    for (const [startedAtMs, id] of rest) {
      if (seen === budget || transactions.length === limit) break;
      seen++;
      if (fits(id)) transactions.push(summaryOf(id, startedAtMs));
    }
    const last = rest[seen - 1];
    return Promise.resolve({ transactions, nextCursor: seen < rest.length && last !== undefined ? encodeCursor(last) : undefined });
  };
}

function fits(id: string): boolean {
  return id.length % 2 === 0;
}

test('SH19 lists of any lengths, whose pages come short, are merged into one order: each entry once', async () => {
  const id = fc.string({ minLength: 1, maxLength: 4, unit: 'binary' }).filter((text) => !text.includes('\0'));
  const lists = fc.array(fc.array(fc.tuple(fc.integer({ min: 1, max: 6 }), id), { maxLength: 12 }), { minLength: 2, maxLength: 5 });
  const small = fc.integer({ min: 1, max: 5 });
  await fc.assert(
    fc.asyncProperty(lists, small, small, async (given, budget, limit) => {
      const ids = new Set<string>();
      // An id is in one shard.
      const shards = given.map((list) => list.filter(([, one]) => !ids.has(one) && ids.add(one)));
      const journal = shardedJournal(shards.map((list) => ({ list: listOf(list, budget) }) as unknown as Journal));
      const wanted = shards
        .flat()
        .filter(([, one]) => fits(one))
        .toSorted(before);
      expect((await listAll(journal, { limit })).map(({ startedAtMs, id: found }) => [startedAtMs, found])).toEqual(wanted);
    }),
    { numRuns: 60 },
  );
});
