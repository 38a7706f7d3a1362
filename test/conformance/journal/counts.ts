import { beforeAll, expect, test } from 'vitest';
import type { Journal } from '../../../src/journal/journal.ts';
import type { TestStore } from '../../support/stores.ts';
import { commitOf, fresh, started } from '../../support/transactions.ts';

/** In a namespace of its own: it counts everything there is. */
export function countsSuite(store: TestStore): void {
  let journal: Journal;
  beforeAll(async () => {
    ({ journal } = await store.open());
  });

  test('counts what has not ended, by saga and status', async () => {
    const add = async (saga: string, status: 'running' | 'stuck' | 'completed' | 'waiting'): Promise<void> => {
      const id = fresh();
      const commit = commitOf(id, 0, [started(saga)]);
      await journal.commit({ ...commit, summary: { ...commit.summary, saga, status } });
    };
    const sagas = ['order', 'trip', 'idle'];
    expect(await journal.openCounts(sagas)).toEqual([]);
    expect(await journal.openCounts([])).toEqual([]);
    for (const saga of ['order', 'order', 'trip']) await add(saga, 'running');
    for (const saga of ['order', 'trip', 'trip']) await add(saga, 'stuck');
    await add('trip', 'waiting');
    await add('order', 'completed');
    const counts = (await journal.openCounts(sagas)).map(({ saga, status, count }) => `${saga} ${status} ${count}`);
    expect(counts.toSorted()).toEqual(['order running 2', 'order stuck 1', 'trip running 1', 'trip stuck 2', 'trip waiting 1']);
  });
}
