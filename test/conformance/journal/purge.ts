import { beforeAll, describe, expect, test } from 'vitest';
import { TRANSACTION, type Journal } from '../../../src/journal/journal.ts';
import { STATUSES } from '../../../src/machine/state.ts';
import type { OpenStore } from '../../support/place.ts';
import type { TestStore } from '../../support/stores.ts';
import { readAll } from '../../support/streams.ts';
import { end, fresh, listIds, start } from '../../support/transactions.ts';

/** @param shards each of which has an order of its own */
export function purgeSuite(store: TestStore, shards = 1): void {
  let opened: OpenStore;
  let journal: Journal;
  beforeAll(async () => {
    opened = await store.open();
    journal = opened.journal;
  });

  /** A moment of the store's clock that is after all that has been and before all that will be. */
  async function boundary(): Promise<number> {
    const past = await journal.timeMs();
    let now = past;
    while (now <= past) now = await journal.timeMs();
    return now;
  }
  const purgeAll = (endedBeforeMs: number) => journal.purge({ endedBeforeMs, limit: 1000 });

  describe('a purge', () => {
    test('removes what ended before then, whole, and nothing else', async () => {
      const [saga, customer] = [fresh('saga'), fresh('c')];
      const summary = { saga, tags: { customer } };
      const old = [await start(journal, summary), await start(journal, summary)];
      for (const id of old) await end(journal, id, summary);
      const [running, stuck, late] = [
        await start(journal, summary),
        await start(journal, { ...summary, status: 'stuck' }),
        await start(journal, summary),
      ];
      const then = await boundary();
      await end(journal, late, summary);

      expect(await purgeAll(then)).toBe(2);
      const kept = [running, stuck, late].toSorted();
      expect((await listIds(journal, {})).toSorted()).toEqual(kept);
      expect((await listIds(journal, { saga })).toSorted()).toEqual(kept);
      expect((await listIds(journal, { tag: { customer } })).toSorted()).toEqual(kept);
      expect((await listIds(journal, { saga, status: [...STATUSES] })).toSorted()).toEqual(kept);
      expect((await journal.summaries([...old, ...kept])).map(({ id }) => id).toSorted()).toEqual(kept);
      for (const id of old) {
        expect(await journal.read(id)).toEqual([]);
        expect(await readAll(opened.events, { aggregateType: TRANSACTION, aggregateId: id })).toEqual([]);
        expect(await store.traces(id)).toEqual([]);
      }
      for (const id of [running, stuck]) expect(await journal.read(id)).toHaveLength(1);
      expect(await journal.read(late)).toHaveLength(2);
      expect(await purgeAll(then)).toBe(0);
    });

    test('is strict about the moment: what ended then stays', async () => {
      const id = await start(journal);
      await end(journal, id);
      const [summary] = await journal.summaries([id]);
      expect(await purgeAll(summary!.endedAtMs!)).toBeLessThanOrEqual(1); // what the test before left
      expect(await journal.read(id)).toHaveLength(2);
      expect(await purgeAll(summary!.endedAtMs! + 1)).toBe(1);
      expect(await journal.read(id)).toEqual([]);
    });

    test('takes the oldest ends first, as many as its limit allows', async () => {
      const ids: string[] = [];
      for (let i = 0; i < 5; i++) {
        ids.push(await start(journal));
        await end(journal, ids[i]!);
        await boundary();
      }
      const then = await boundary();
      const counts: number[] = [];
      for (let i = 0; i < 4; i++) {
        counts.push(await journal.purge({ endedBeforeMs: then, limit: 2 }));
        const left = (await journal.summaries(ids)).map(({ id }) => id);
        const newest = ids.slice(2 * (i + 1));
        expect(shards === 1 ? left.toSorted() : left.length).toEqual(shards === 1 ? newest.toSorted() : newest.length);
      }
      expect(counts).toEqual([2, 2, 1, 0]);
    });

    test('frees the id: a transaction may start under it again', async () => {
      const id = await start(journal);
      await end(journal, id);
      await purgeAll(await boundary());
      expect(await start(journal, { id })).toBe(id);
      expect((await journal.read(id)).map(({ version }) => version)).toEqual([1]);
    });
  });
}
