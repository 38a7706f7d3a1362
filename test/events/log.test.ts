import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openRedis } from '../../src/connections/redis.ts';
import { inTransaction } from '../../src/connections/sql.ts';
import type { GlobalLog } from '../../src/events/global-log.ts';
import { TRANSACTION } from '../../src/journal/journal.ts';
import { eventually } from '../support/eventually.ts';
import { describeEachSqlStore, describeEachStore, useStore } from '../support/stores.ts';
import { batch, event, freshStream, upTo } from '../support/streams.ts';
import { end, start as startTransaction } from '../support/transactions.ts';
import { openEvents, wholeLog, type OpenEvents } from './fixture.ts';

const never = new AbortController().signal;

describeEachStore('the global order', (store) => {
  let opened: OpenEvents;
  let log: GlobalLog;
  let start = 0;
  beforeAll(async () => {
    opened = await openEvents(store);
    ({ log } = opened);
  });
  beforeEach(async () => {
    start = await log.head();
  });
  afterAll(() => opened.close());

  test('numbers the events of all streams without gaps, those of one in its order', async () => {
    const { events } = opened;
    const [a, b] = [freshStream(), freshStream('customer')];
    await events.append(a, batch(2), { expectedVersion: 'none' });
    await events.append(b, batch(1), { expectedVersion: 'none' });
    await events.append(a, batch(1), { expectedVersion: 2 });
    const page = await log.read(start);
    expect(page).toMatchObject({ more: false, position: start + 4, head: start + 4 });
    expect(page.events.map(({ position }) => position - start)).toEqual([1, 2, 3, 4]);
    expect(page.events.map(({ aggregateId, version }) => [aggregateId, version])).toEqual([
      [a.aggregateId, 1],
      [a.aggregateId, 2],
      [b.aggregateId, 1],
      [a.aggregateId, 3],
    ]);
    expect(await log.head()).toBe(start + 4);
    expect(await log.read(start + 4)).toMatchObject({ events: [], position: start + 4, more: false });
  });

  test('its head is the newest event, whoever gives positions at the moment', async () => {
    const { events } = opened;
    for (let n = 0; n < 30; n++) await Promise.all(upTo(60).map(() => events.append(freshStream(), batch(2), { expectedVersion: 'none' })));
    const heads = await Promise.all(upTo(8).map(() => log.head()));
    expect(heads).toEqual(heads.map(() => start + 3_600));
  });

  test('gives an event as its stream does', async () => {
    const { events } = opened;
    const stream = freshStream('a:b%c');
    const sent = { ...event({ big: '2^53', list: [1, null] }, 'odd:type'), schemaVersion: 3, metadata: { actor: 'ann' } };
    await events.append(stream, [sent], { expectedVersion: 'none' });
    const [found] = (await log.read(start)).events;
    const { position, keyHash, ...recorded } = found!;
    expect(position).toBe(start + 1);
    expect(keyHash).toBeGreaterThanOrEqual(0);
    for await (const own of events.read(stream)) expect(recorded).toEqual(own);
  });

  test('a repeated append adds nothing', async () => {
    const stream = freshStream();
    const same = batch(2);
    await opened.events.append(stream, same, { expectedVersion: 'none' });
    await opened.events.append(stream, same, { expectedVersion: 'none' });
    expect((await log.read(start)).events).toHaveLength(2);
  });

  test('pages: each says where to read on', async () => {
    await opened.events.append(freshStream(), batch(7), { expectedVersion: 'none' });
    const first = await log.read(start, { limit: 3 });
    expect(first).toMatchObject({ position: start + 3, more: true });
    const second = await log.read(first.position, { limit: 3, mark: first.mark });
    const third = await log.read(second.position, { limit: 3, mark: second.mark });
    expect(third).toMatchObject({ position: start + 7, more: false });
    expect([first, second, third].flatMap(({ events }) => events.map(({ position }) => position - start))).toEqual(upTo(7));
  });

  test('filtered by category it passes over the others', async () => {
    await opened.events.append(freshStream('invoice'), batch(1), { expectedVersion: 'none' });
    await opened.events.append(freshStream(), batch(20), { expectedVersion: 'none' });
    const page = await log.read(start, { categories: ['invoice'], limit: 2 });
    expect(page.events.map(({ aggregateType }) => aggregateType)).toEqual(['invoice']);
    expect(page.position).toBeGreaterThan(start + 1);
    expect(await wholeLog(log, { categories: ['invoice'], limit: 1 })).toHaveLength(1);
    expect(await log.read(start, { categories: ['nothing_of_it'] })).toMatchObject({ events: [], position: start + 21, more: false });
  });

  test('divided into partitions: each event is in one, those of an aggregate in the same', async () => {
    const streams = upTo(20).map(() => freshStream('divided'));
    for (const stream of [...streams, ...streams]) await opened.events.append(stream, batch(1), { expectedVersion: 'any' });
    const parts = await Promise.all(upTo(4).map((n) => wholeLog(log, { categories: ['divided'], partition: { index: n - 1, count: 4 } })));
    expect(parts.flat()).toHaveLength(40);
    const homes = new Map<string, Set<number>>();
    for (const [part, found] of parts.entries()) {
      for (const { aggregateId } of found) homes.set(aggregateId, (homes.get(aggregateId) ?? new Set()).add(part));
    }
    expect([...homes.values()].every((of) => of.size === 1)).toBe(true);
    expect(parts.filter((part) => part.length > 0).length).toBeGreaterThan(1);
  });

  test("has the sagas' journal for those who name it, and loses what is purged", async () => {
    const { journal } = opened;
    const id = await startTransaction(journal);
    const kept = freshStream();
    await opened.events.append(kept, batch(1), { expectedVersion: 'none' });
    expect((await log.read(start)).events.map(({ aggregateId }) => aggregateId)).toEqual([kept.aggregateId]);
    const journaled = await log.read(start, { categories: [TRANSACTION] });
    expect(journaled.events).toMatchObject([{ aggregateType: TRANSACTION, aggregateId: id, version: 1, eventType: 'saga_started' }]);
    await end(journal, id);
    expect((await log.read(start, { categories: [TRANSACTION] })).events).toHaveLength(2);

    await journal.purge({ endedBeforeMs: (await journal.timeMs()) + 1_000, limit: 10 });
    const after = await log.read(start, { categories: [TRANSACTION] });
    expect(after).toMatchObject({ events: [], more: false });
    expect(after.position).toBe(start + 3);
    // Its positions are not given again.
    await opened.events.append(kept, batch(1), { expectedVersion: 1 });
    expect((await log.read(after.position, { mark: after.mark })).events).toMatchObject([{ position: start + 4 }]);
    expect((await log.read(start)).events.map(({ position }) => position - start)).toEqual([2, 4]);
  });

  test('a purge bounds it also where nobody reads', async () => {
    const unread = await openEvents(store, `${store.namespace}_u`);
    try {
      for (let n = 0; n < 3; n++) {
        await end(unread.journal, await startTransaction(unread.journal));
      }
      const kept = await startTransaction(unread.journal);
      expect(await unread.journal.purge({ endedBeforeMs: (await unread.journal.timeMs()) + 1_000, limit: 10 })).toBe(3);
      const all = await wholeLog(unread.log, { categories: [TRANSACTION] });
      expect(all.map(({ aggregateId }) => aggregateId)).toEqual([kept]);
      expect(all[0]!.position).toBe(1);
    } finally {
      await unread.close();
    }
  });

  test('who waits is woken by an append, also of another connection', async () => {
    const other = await openEvents(store);
    try {
      const woken = opened.log.wait(start, { timeoutMs: 20_000, signal: never });
      const from = performance.now();
      await other.events.append(freshStream(), batch(1), { expectedVersion: 'none' });
      await woken;
      expect(performance.now() - from).toBeLessThan(5_000);
      // There is something already: no wait.
      await opened.log.wait(start, { timeoutMs: 20_000, signal: never });
    } finally {
      await other.close();
    }
  });

  test('a wait ends with its time, and when it is given up', async () => {
    await log.wait(start, { timeoutMs: 30, signal: never });
    const stop = new AbortController();
    const waiting = log.wait(start, { timeoutMs: 20_000, signal: stop.signal });
    const from = performance.now();
    stop.abort();
    await waiting;
    expect(performance.now() - from).toBeLessThan(5_000);
  });

  test('a reader who was further than the log is told that writes were lost', async () => {
    await expect(log.read(start + 1_000)).rejects.toMatchObject({ code: 'STORE_CORRUPT', details: { head: start } });
  });

  test('bad options are refused', async () => {
    await expect(log.read(-1)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await expect(log.read(0, { limit: 0 })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await expect(log.read(0, { limit: 1_001 })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await expect(log.read(0, { categories: [] })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await expect(log.read(0, { partition: { index: 2, count: 2 } })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });
});

describeEachStore('the log of archived and tombstoned streams', (store) => {
  let opened: OpenEvents;
  beforeAll(async () => {
    opened = await openEvents(store);
  });
  afterAll(() => opened.close());

  test('an archived event is read as before; of a tombstoned stream the last one is left', async () => {
    const { events, log } = opened;
    const start = await log.head();
    const [archived, dead] = [freshStream(), freshStream()];
    await events.append(archived, batch(3), { expectedVersion: 'none' });
    await events.append(dead, batch(2), { expectedVersion: 'none' });
    const before = await log.read(start);
    await events.archive(archived, { toVersion: 2 });
    await events.tombstone(dead);
    const after = await log.read(start);
    expect(after.events.slice(0, 3)).toEqual(before.events.slice(0, 3));
    expect(after.events.slice(3)).toMatchObject([{ aggregateId: dead.aggregateId, version: 3, position: start + 6 }]);
  });
});

describeEachSqlStore('the global order', (store) => {
  let opened: OpenEvents;
  beforeAll(async () => {
    opened = await openEvents(store);
  });
  afterAll(() => opened.close());

  test('what is rolled back leaves no trace in it', async () => {
    const { events, log, sql } = opened;
    const start = await log.head();
    await inTransaction(sql!, async (tx) => {
      await events.append(freshStream(), batch(3), { expectedVersion: 'none', tx });
      throw new Error('no');
    }).catch(() => undefined);
    await events.append(freshStream(), batch(1), { expectedVersion: 'none' });
    expect((await log.read(start)).events.map(({ position }) => position)).toEqual([start + 1]);
  });
});

describe('the log in Redis after a failover that took events back', () => {
  const store = useStore('redis');

  test('its readers are told, also when other events have taken the positions since', async () => {
    const opened = await openEvents(store);
    const redis = await openRedis(store.url);
    const root = `{${store.namespace}}:`;
    try {
      const { events, log, subscriptions } = opened;
      const [kept, lost] = [freshStream(), freshStream()];
      await events.append(kept, batch(2), { expectedVersion: 'none' });
      await events.append(lost, batch(1), { expectedVersion: 'none' });
      const page = await log.read(0);
      const handled: string[] = [];
      const subscription = await subscriptions.subscribe('reader', { from: 'start' }, ({ aggregateId }) => handled.push(aggregateId));
      await subscription.caughtUp();

      // As a replica has it that had not heard of the last append.
      await redis.xdel(`${root}log`, '3-0');
      await redis.call('XSETID', `${root}log`, '2-0');
      await redis.set(`${root}log:head`, '2');
      await redis.del(`${root}s:order:${lost.aggregateId}`);
      await expect(log.read(page.position, { mark: page.mark })).rejects.toMatchObject({
        code: 'STORE_CORRUPT',
        details: { position: 3, head: 2 },
      });
      await events.append(freshStream(), batch(2), { expectedVersion: 'none' });
      await expect(log.read(page.position, { mark: page.mark })).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
      // The subscription stands still and says why: it does not go on as if nothing were missing.
      await eventually(() => expect(opened.errors.join()).toContain('the store lost writes'));
      expect(handled).toHaveLength(3);
    } finally {
      await redis.quit();
      await opened.close();
    }
  });
});
