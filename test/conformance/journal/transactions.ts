import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { inTransaction, type SqlExecutor, type SqlPool } from '../../../src/connections/sql.ts';
import type { Journal } from '../../../src/journal/journal.ts';
import { eventually } from '../../support/eventually.ts';
import type { TestStore } from '../../support/stores.ts';
import { commitOf, end, fresh, issued, listIds, start, started } from '../../support/transactions.ts';

class Rollback extends Error {}

export function callersTransactionSuite(store: TestStore): void {
  let journal: Journal;
  let sql: SqlPool;
  beforeAll(async () => {
    const opened = await store.open();
    journal = opened.journal;
    sql = opened.sql!;
    await sql.query('CREATE TABLE orders (id text PRIMARY KEY)');
  });

  async function rolledBack(work: (tx: SqlExecutor) => Promise<unknown>): Promise<void> {
    const result = inTransaction(sql, async (tx) => {
      await work(tx);
      throw new Rollback();
    });
    await expect(result).rejects.toBeInstanceOf(Rollback);
  }

  describe("the caller's transaction", () => {
    test('rolled back: no transaction was started, and the business row is gone (S94)', async () => {
      const [id, saga] = [fresh(), fresh('saga')];
      await rolledBack(async (tx) => {
        await tx.query('INSERT INTO orders VALUES ($1)', [id]);
        expect(await journal.commit(commitOf(id, 0, [started(saga)], { saga, tx }))).toMatchObject({ committed: true });
      });
      expect(await journal.read(id)).toEqual([]);
      expect(await journal.summaries([id])).toEqual([]);
      expect(await listIds(journal, { saga })).toEqual([]);
      expect(await start(journal, { id, saga })).toBe(id);
    });

    test('committed: the transaction and the business row are there together', async () => {
      const [id, saga] = [fresh(), fresh('saga')];
      await inTransaction(sql, async (tx) => {
        await tx.query('INSERT INTO orders VALUES ($1)', [id]);
        await journal.commit(commitOf(id, 0, [started(saga)], { saga, tx }));
        await journal.commit(commitOf(id, 1, [issued('a')], { saga, tx }));
      });
      expect((await journal.read(id)).map(({ version }) => version)).toEqual([1, 2]);
      expect(await listIds(journal, { saga })).toEqual([id]);
      expect((await sql.query('SELECT id FROM orders WHERE id = $1', [id])).rows).toHaveLength(1);
    });

    test('a start that lost its id gets the events there are, and the transaction goes on (S90)', async () => {
      const id = await start(journal);
      const there = await journal.read(id);
      await inTransaction(sql, async (tx) => {
        expect(await journal.commit(commitOf(id, 0, [started('order', { other: true })], { tx }))).toEqual({
          committed: false,
          unseen: there,
        });
        await tx.query('INSERT INTO orders VALUES ($1)', [id]);
      });
      expect(await journal.read(id)).toEqual(there);
      expect((await sql.query('SELECT id FROM orders WHERE id = $1', [id])).rows).toHaveLength(1);
    });

    test('an end is announced when it commits, and not when it is rolled back', async () => {
      const heard: (string | undefined)[] = [];
      const stop = await journal.watch((id) => void heard.push(id));
      onTestFinished(stop);
      const [undone, done] = [await start(journal), await start(journal)];
      await rolledBack((tx) => end(journal, undone, { announce: true, tx }));
      await inTransaction(sql, (tx) => end(journal, done, { announce: true, tx }));
      await eventually(() => expect(heard).toEqual([done]));
    });
  });
}
