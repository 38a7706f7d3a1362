import { beforeAll, describe, expect, test } from 'vitest';
import type { SqlExecutor } from '../../src/connections/sql.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { describeEachServer, describeEachSqlStore, describeEachStore, useStore } from '../support/stores.ts';
import { commitOf, fresh, started } from '../support/transactions.ts';
import { commitsSuite } from './journal/commits.ts';
import { pagingSuite } from './journal/paging.ts';
import { plansSuite } from './journal/plans.ts';
import { purgeSuite } from './journal/purge.ts';
import { summariesSuite } from './journal/summaries.ts';
import { callersTransactionSuite } from './journal/transactions.ts';
import { cutConnectionSuite, watchSuite } from './journal/watch.ts';

describeEachStore('the journal', (store) => {
  commitsSuite(store);
  summariesSuite(store);
  pagingSuite(store);
  plansSuite(store);
  watchSuite(store);
});

// A purge sees the whole namespace, so it has one to itself.
describeEachStore('the journal', purgeSuite);

describeEachSqlStore('the journal', callersTransactionSuite);

// The embedded store has no connection that could be cut.
describeEachServer('the journal', cutConnectionSuite);

describe('the journal on redis', () => {
  const store = useStore('redis');
  let journal: Journal;
  beforeAll(async () => {
    ({ journal } = await store.open());
  });

  test("refuses a caller's SQL transaction, which it can't join, and stores nothing", async () => {
    const id = fresh();
    const tx: SqlExecutor = { query: () => Promise.reject(new Error('must not be used')) };
    await expect(journal.commit(commitOf(id, 0, [started('order')], { tx }))).rejects.toMatchObject({
      code: 'NOT_ALLOWED',
      message: expect.stringContaining('tx'),
    });
    expect(await journal.read(id)).toEqual([]);
  });
});
