import { beforeAll, describe, expect, test } from 'vitest';
import type { Journal, ListFilter } from '../../../src/journal/journal.ts';
import type { TestStore } from '../../support/stores.ts';
import { upTo } from '../../support/streams.ts';
import { commitOf, fresh, listIds, start, started } from '../../support/transactions.ts';

export function filtersSuite(store: TestStore): void {
  let journal: Journal;
  beforeAll(async () => {
    ({ journal } = await store.open());
  });

  /** A stuck transaction with an error, older than whatever comes after it. */
  async function stuck(saga: string, error: string, id = fresh()): Promise<string> {
    const summary = { saga, status: 'stuck', error } as const;
    await journal.commit(commitOf(id, 0, [started(saga)], summary));
    const now = await journal.timeMs();
    while ((await journal.timeMs()) <= now);
    return id;
  }

  describe('filters of a list', () => {
    test('one of several sagas', async () => {
      const [a, b, c] = [fresh('saga'), fresh('saga'), fresh('saga')];
      const ids = [await start(journal, { saga: a }), await start(journal, { saga: b })];
      await start(journal, { saga: c });
      expect((await listIds(journal, { saga: [a, b] })).toSorted()).toEqual(ids.toSorted());
      expect(await listIds(journal, { saga: [a, b], status: ['stuck'] })).toEqual([]);
      expect(await listIds(journal, { saga: [b] })).toEqual([ids[1]]);
    });

    test('the beginning of an id, whatever characters it has', async () => {
      const saga = fresh('saga');
      const prefix = fresh('%_x');
      const ids = [prefix, `${prefix}1`, `${prefix}~z`];
      for (const id of [...ids, `${prefix.slice(0, -1)}!`, `y${prefix}`]) await journal.commit(commitOf(id, 0, [started(saga)], { saga }));
      expect(await listIds(journal, { saga, idPrefix: prefix })).toEqual(ids.toReversed());
      expect(await listIds(journal, { idPrefix: `${prefix}1` })).toEqual([ids[1]]);
      expect(await listIds(journal, { idPrefix: prefix.toUpperCase() })).toEqual([]);
    });

    test('a part of the error, in upper or lower case, as plain text', async () => {
      const saga = fresh('saga');
      const found = [await stuck(saga, 'Connection refused: 10.0.0.1'), await stuck(saga, 'no CONNECTION (100%)')];
      const other = await stuck(saga, 'größer als das Limit');
      await start(journal, { saga });
      const of = (error: string, more: ListFilter = {}) => listIds(journal, { saga, error, ...more });
      expect(await of('connection')).toEqual(found.toReversed());
      expect(await of('(100%)', { status: ['stuck'] })).toEqual([found[1]]);
      expect(await of('GRÖSSER')).toEqual([]);
      expect(await of('größer ALS')).toEqual([other]);
      for (const text of ['.*', '%', '_', '%a', '[', "'"]) expect((await of(text)).length).toBe(text === '%' ? 1 : 0);
      const page = await journal.list({ saga, error: 'connection', limit: 1 });
      expect(page.transactions.map(({ id }) => id)).toEqual([found[1]]);
      const next = await journal.list({ saga, error: 'connection', limit: 1, cursor: page.nextCursor });
      expect(next.transactions.map(({ id }) => id)).toEqual([found[0]]);
    });

    test('the time of the start, from then on and before then', async () => {
      const saga = fresh('saga');
      for (const _ of upTo(6)) {
        await start(journal, { saga });
        const after = await journal.timeMs();
        while ((await journal.timeMs()) <= after);
      }
      const { transactions } = await journal.list({ saga });
      const ids = transactions.map(({ id }) => id);
      const at = (index: number): number => transactions[index]!.startedAtMs;
      expect(await listIds(journal, { saga, fromMs: at(3) })).toEqual(ids.slice(0, 4));
      expect(await listIds(journal, { saga, toMs: at(3) })).toEqual(ids.slice(4));
      expect(await listIds(journal, { saga, fromMs: at(4), toMs: at(1) })).toEqual(ids.slice(2, 5));
      expect(await listIds(journal, { saga, fromMs: at(4), toMs: at(1), limit: 1 })).toEqual(ids.slice(2, 5));
      expect(await listIds(journal, { saga, status: ['running', 'stuck'], fromMs: at(4), toMs: at(1), limit: 2 })).toEqual(ids.slice(2, 5));
      expect(await listIds(journal, { saga, fromMs: at(0) + 1 })).toEqual([]);
    });

    test.each<[string, ListFilter]>([
      ['a time that is no number', { fromMs: '1' as never }],
      ['a time before all', { toMs: -1 }],
      ['a NUL', { error: 'a\0' }],
      ['a very long text', { idPrefix: 'x'.repeat(501) }],
      ['no saga', { saga: [] }],
    ])('%s is refused', async (_what, filter) => {
      await expect(journal.list(filter)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    });
  });
}
