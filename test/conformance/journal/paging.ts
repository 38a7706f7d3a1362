import { beforeAll, describe, expect, test } from 'vitest';
import type { Journal, ListFilter } from '../../../src/journal/journal.ts';
import type { TestStore } from '../../support/stores.ts';
import { upTo } from '../../support/streams.ts';
import { commitOf, fresh, issued, listAll, start } from '../../support/transactions.ts';

export function pagingSuite(store: TestStore): void {
  let journal: Journal;
  beforeAll(async () => {
    ({ journal } = await store.open());
  });

  describe('pages of a list', () => {
    test.each<[string, (saga: string, customer: string) => ListFilter]>([
      ['a saga', (saga) => ({ saga })],
      ['a saga and a status', (saga) => ({ saga, status: ['running'] })],
      ['a tag', (_saga, customer) => ({ tag: { customer } })],
      ['a saga, statuses and a tag', (saga, customer) => ({ saga, status: ['running', 'stuck'], tag: { customer } })],
    ])('of %s hold each of many equal start times once, while others start and go on', async (_name, filterOf) => {
      const [saga, customer] = [fresh('saga'), fresh('c')];
      const summary = { saga, tags: { customer } };
      // All at once, so that many start in the same millisecond.
      const ids = await Promise.all(upTo(120).map(() => start(journal, summary)));
      let turn = 0;
      const found = await listAll(journal, { ...filterOf(saga, customer), limit: 7 }, async () => {
        await start(journal, summary);
        const moved = ids[turn++ % ids.length]!;
        const [before] = await journal.summaries([moved]);
        await journal.commit(commitOf(moved, before!.version, [issued('a')], summary));
      });
      const old = found.map(({ id }) => id).filter((id) => ids.includes(id));
      expect(old.toSorted()).toEqual(ids.toSorted());
      expect(new Set(found.map(({ id }) => id)).size).toBe(found.length);
      const starts = found.map(({ startedAtMs }) => startedAtMs);
      expect(starts).toEqual(starts.toSorted((a, b) => b - a));
      expect(new Set(starts).size).toBeLessThan(starts.length);
    });

    test('hold 50 by default, as many as the limit says at most, and end', async () => {
      const saga = fresh('saga');
      await Promise.all(upTo(60).map(() => start(journal, { saga })));
      const first = await journal.list({ saga });
      expect(first.transactions).toHaveLength(50);
      const second = await journal.list({ saga, cursor: first.nextCursor });
      expect(second.transactions).toHaveLength(10);
      expect(second.nextCursor).toBeUndefined();

      expect((await journal.list({ saga, limit: 1 })).transactions).toHaveLength(1);
      const all = await journal.list({ saga, limit: 200 });
      expect(all.transactions).toHaveLength(60);
      expect(all.nextCursor).toBeUndefined();
    });

    test('find the few that fit among many that do not', async () => {
      const [saga, customer] = [fresh('saga'), fresh('c')];
      const rare = await start(journal, { saga, tags: { customer } });
      await Promise.all(upTo(150).map(() => start(journal, { saga })));
      const rarer = await start(journal, { saga, status: 'stuck', tags: { customer } });
      const ids = async (filter: ListFilter) => (await listAll(journal, { ...filter, limit: 2 })).map(({ id }) => id);
      expect(await ids({ saga, tag: { customer } })).toEqual([rarer, rare]);
      expect(await ids({ saga, status: ['stuck'] })).toEqual([rarer]);
    });

    test.each([0, 201, -1, 1.5, Number.NaN, Infinity, '10' as never])('a limit of %s is refused', async (limit) => {
      await expect(journal.list({ limit })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    });

    test.each([
      '',
      'x',
      '0',
      '-',
      '!!',
      'bnVsbA',
      'e30',
      'W10',
      'WzEsMl0',
      '../../etc/passwd',
      "1'; --",
      'a'.repeat(5000),
      '\0',
      42 as never,
    ])('a cursor %j, which is not ours, is refused', async (cursor) => {
      await expect(journal.list({ cursor })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    });

    test('a cursor of ours that was tampered with gives a page or a refusal, never another error', async () => {
      const saga = fresh('saga');
      await Promise.all(upTo(3).map(() => start(journal, { saga })));
      const { nextCursor } = await journal.list({ saga, limit: 1 });
      for (let at = 0; at < nextCursor!.length; at++) {
        for (const by of ['A', '_', '9', '']) {
          const cursor = nextCursor!.slice(0, at) + by + nextCursor!.slice(at + 1);
          const answer = await journal.list({ saga, cursor }).then(
            ({ transactions }) => (transactions.length <= 3 ? 'a page' : transactions),
            ({ code }: { code?: string }) => code,
          );
          expect(['a page', 'INVALID_OPTION']).toContain(answer);
        }
      }
    });
  });
}
