import { Redis } from 'ioredis';
import { beforeAll, describe, expect, test } from 'vitest';
import type { SqlExecutor } from '../../src/connections/sql.ts';
import type { Journal } from '../../src/journal/journal.ts';
import {
  describeEachServer,
  describeEachSqlStore,
  describeEachStore,
  describeShards,
  useStore,
  type TestStore,
} from '../support/stores.ts';
import { commitOf, fresh, issued, start, started } from '../support/transactions.ts';
import { commitsSuite } from './journal/commits.ts';
import { countsSuite } from './journal/counts.ts';
import { filtersSuite } from './journal/filters.ts';
import { pagingSuite } from './journal/paging.ts';
import { plansSuite } from './journal/plans.ts';
import { purgeSuite } from './journal/purge.ts';
import { summariesSuite } from './journal/summaries.ts';
import { callersTransactionSuite } from './journal/transactions.ts';
import { cutConnectionSuite, watchSuite } from './journal/watch.ts';

function suites(store: TestStore): void {
  commitsSuite(store);
  summariesSuite(store);
  pagingSuite(store);
  filtersSuite(store);
  plansSuite(store);
  watchSuite(store);
}
describeEachStore('the journal', suites);
describeShards('the journal', 4, suites);

// A purge sees the whole namespace, so it has one to itself.
describeEachStore('the journal', (store) => purgeSuite(store));
describeShards('the journal', 4, (store) => purgeSuite(store, 4));

// So do counts.
describeEachStore('the journal', countsSuite);
describeShards('the journal', 4, countsSuite);

describeEachSqlStore('the journal', callersTransactionSuite);

// The embedded store has no connection that could be cut.
describeEachServer('the journal', (store) => cutConnectionSuite(store));
describeShards('the journal', 4, (store) => cutConnectionSuite(store, 4));

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

  test('a damaged transaction is refused, and those that are committed in the same call are not', async () => {
    const [damaged = '', ...whole] = await Promise.all(Array.from({ length: 12 }, () => start(journal)));
    const redis = new Redis(store.url);
    try {
      await redis.xadd(`{${store.namespace}}:s:transaction:${damaged}`, '9-0', 'type', 'step_issued', 'data', '{}', 'at', '1');
    } finally {
      redis.disconnect();
    }
    const commits = [damaged, ...whole].map((id) => journal.commit(commitOf(id, 1, [issued('a')])));
    const [refused, ...done] = await Promise.allSettled(commits);
    expect(refused).toMatchObject({ status: 'rejected', reason: { code: 'STORE_CORRUPT' } });
    expect(done).toEqual(whole.map(() => ({ status: 'fulfilled', value: { committed: true, atMs: expect.any(Number) } })));
  });
});
