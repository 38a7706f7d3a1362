import { beforeAll, describe, expect, test } from 'vitest';
import { inTransaction, type SqlExecutor, type SqlPool } from '../../../src/connections/sql.ts';
import type { EventStore } from '../../../src/events/event-store.ts';
import { batch, event, freshStream, readAll, upTo, versionsOf } from '../../support/streams.ts';
import type { OpenStore } from '../../support/place.ts';
import type { TestStore } from '../../support/stores.ts';

class Rollback extends Error {}

/** Runs `work` in a transaction that is rolled back at its end. */
async function rolledBack(sql: SqlPool, work: (tx: SqlExecutor) => Promise<unknown>): Promise<void> {
  await inTransaction(sql, async (tx) => {
    await work(tx);
    throw new Rollback();
  }).catch((error: unknown) => {
    if (!(error instanceof Rollback)) throw error;
  });
}

export function callersTransactionSuite(store: TestStore): void {
  let events: EventStore;
  let sql: SqlPool;
  beforeAll(async () => {
    const opened: OpenStore = await store.open();
    events = opened.events;
    sql = opened.sql!;
    await sql.query('CREATE TABLE orders (id text PRIMARY KEY)');
  });

  describe("the caller's transaction", () => {
    test('rolled back: nothing is left of the events, nor of the business row (O01)', async () => {
      const stream = freshStream();
      await rolledBack(sql, async (tx) => {
        await tx.query('INSERT INTO orders VALUES ($1)', [stream.aggregateId]);
        expect(await events.append(stream, batch(2), { expectedVersion: 'none', tx })).toMatchObject({ firstVersion: 1, lastVersion: 2 });
      });
      expect(await readAll(events, stream)).toEqual([]);
      expect((await sql.query('SELECT id FROM orders WHERE id = $1', [stream.aggregateId])).rows).toEqual([]);
      expect(await events.append(stream, batch(1), { expectedVersion: 'none' })).toMatchObject({ firstVersion: 1 });
    });

    test('committed: the events and the business row are there together', async () => {
      const stream = freshStream();
      await inTransaction(sql, async (tx) => {
        await tx.query('INSERT INTO orders VALUES ($1)', [stream.aggregateId]);
        await events.append(stream, batch(1), { expectedVersion: 'none', tx });
        await events.append(stream, batch(2, 2), { expectedVersion: 1, tx });
      });
      expect(await versionsOf(events, stream)).toEqual([1, 2, 3]);
      expect((await sql.query('SELECT id FROM orders WHERE id = $1', [stream.aggregateId])).rows).toHaveLength(1);
    });

    test('an event that was rolled back is no duplicate later', async () => {
      const stream = freshStream();
      const once = event({ n: 1 });
      await rolledBack(sql, (tx) => events.append(stream, [once], { expectedVersion: 'none', tx }));
      expect(await events.append(stream, [once], { expectedVersion: 'none' })).toEqual({
        firstVersion: 1,
        lastVersion: 1,
        duplicate: false,
      });
    });

    test('a refusal leaves it usable: the caller decides what becomes of it', async () => {
      const [taken, free] = [freshStream(), freshStream()];
      const known = event();
      await events.append(taken, [known], { expectedVersion: 'none' });
      await inTransaction(sql, async (tx) => {
        await expect(events.append(taken, batch(1), { expectedVersion: 'none', tx })).rejects.toMatchObject({
          code: 'WRONG_EXPECTED_VERSION',
        });
        await expect(events.append(free, [known], { expectedVersion: 'none', tx })).rejects.toMatchObject({ code: 'EVENT_ID_REUSED' });
        await expect(events.append(free, [event('a\0b')], { expectedVersion: 1, tx })).rejects.toMatchObject({
          code: expect.stringMatching(/^(PAYLOAD_NOT_JSON|WRONG_EXPECTED_VERSION)$/),
        });
        await events.append(free, batch(1), { expectedVersion: 'none', tx });
      });
      expect(await versionsOf(events, taken)).toEqual([1]);
      expect(await versionsOf(events, free)).toEqual([1]);
    });

    test('several streams are written all or none', async () => {
      const streams = upTo(3).map(() => freshStream());
      await events.append(streams[2]!, batch(1), { expectedVersion: 'none' });
      const all = async (tx: SqlExecutor, expectedLast: number) => {
        for (const [i, stream] of streams.entries()) {
          await events.append(stream, batch(2), { expectedVersion: i === 2 ? expectedLast : 'none', tx });
        }
      };
      await expect(inTransaction(sql, (tx) => all(tx, 0))).rejects.toMatchObject({ code: 'WRONG_EXPECTED_VERSION' });
      expect(await Promise.all(streams.map((stream) => versionsOf(events, stream)))).toEqual([[], [], [1]]);
      await inTransaction(sql, (tx) => all(tx, 1));
      expect(await Promise.all(streams.map((stream) => versionsOf(events, stream)))).toEqual([
        [1, 2],
        [1, 2],
        [1, 2, 3],
      ]);
    });
  });
}
