import { beforeAll, describe, expect, test } from 'vitest';
import type { SqlExecutor } from '../../src/connections/sql.ts';
import type { EventStore } from '../../src/events/event-store.ts';
import { describeEachSqlStore, describeEachStore, useStore } from '../support/stores.ts';
import { batch, freshStream, readAll } from '../support/streams.ts';
import { appendSuite } from './event-store/append.ts';
import { duplicatesSuite } from './event-store/duplicates.ts';
import { isolationSuite } from './event-store/isolation.ts';
import { millionSuite } from './event-store/million.ts';
import { namesSuite } from './event-store/names.ts';
import { payloadsSuite } from './event-store/payloads.ts';
import { racesSuite } from './event-store/races.ts';
import { readSuite } from './event-store/read.ts';
import { severalStreamsSuite } from './event-store/several-streams.ts';
import { streamLifeSuite } from './event-store/stream-life.ts';
import { callersTransactionSuite } from './event-store/transactions.ts';

describeEachStore('the event store', (store) => {
  appendSuite(store);
  duplicatesSuite(store);
  racesSuite(store);
  readSuite(store);
  namesSuite(store);
  payloadsSuite(store);
  severalStreamsSuite(store);
  streamLifeSuite(store);
});

describeEachStore('the event store', millionSuite);

describeEachSqlStore('the event store', callersTransactionSuite);

describe('the event store on postgres', () => {
  isolationSuite(useStore('postgres'));
});

describe('the event store on redis', () => {
  const store = useStore('redis');
  let events: EventStore;
  beforeAll(async () => {
    ({ events } = await store.open());
  });

  test("refuses a caller's SQL transaction, which it can't join, and stores nothing", async () => {
    const stream = freshStream();
    const tx: SqlExecutor = { query: () => Promise.reject(new Error('must not be used')) };
    await expect(events.append(stream, batch(1), { expectedVersion: 'none', tx })).rejects.toMatchObject({
      code: 'NOT_ALLOWED',
      message: expect.stringContaining('tx'),
    });
    expect(await readAll(events, stream)).toEqual([]);
  });
});
