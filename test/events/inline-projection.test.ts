import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inTransaction, type SqlPool } from '../../src/connections/sql.ts';
import type { InlineProjection } from '../../src/events/inline-projection.ts';
import { describeEachSqlStore, useStore } from '../support/stores.ts';
import { event, freshStream, upTo, versionsOf } from '../support/streams.ts';
import { fresh } from '../support/transactions.ts';
import { openEvents, type OpenEvents } from './fixture.ts';

const names = () => ({ type: fresh('cat').replaceAll('-', '_'), name: `p${fresh('').replaceAll('-', '').slice(0, 12)}` });
const paid = (cents: number) => event({ cents }, 'paid');

describeEachSqlStore('an inline projection', (store) => {
  let opened: OpenEvents;
  let sql: SqlPool;
  beforeAll(async () => {
    opened = await openEvents(store);
    sql = opened.sql!;
  });
  afterAll(() => opened.close());

  function totals(type: string, name: string, version = 1): InlineProjection {
    return {
      name,
      version,
      events: [type],
      tables: [name],
      setup: ({ tx, table }) => tx.query(`CREATE TABLE ${table(name)} (id text PRIMARY KEY, cents integer NOT NULL)`),
      async handle({ aggregateId, eventData }, { tx, table }) {
        const { cents } = eventData as { cents: number };
        if (cents < 0) throw new Error('no such thing as negative money');
        await tx.query(`INSERT INTO ${table(name)} AS t VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET cents = t.cents + excluded.cents`, [
          aggregateId,
          version * cents,
        ]);
      },
    };
  }
  const read = async (name: string): Promise<Record<string, number>> =>
    Object.fromEntries(
      (await sql.query<{ id: string; cents: number }>(`SELECT id, cents FROM "${name}"`)).rows.map(({ id, cents }) => [id, cents]),
    );

  test('has what was appended before, and is written in the transaction of each append', async () => {
    const { type, name } = names();
    const [a, b] = [freshStream(type), freshStream(type)];
    const { events, backend } = opened;
    await events.append(a, [paid(1), paid(2)], { expectedVersion: 'none' });
    await backend.inline.add(totals(type, name));
    expect(await read(name)).toEqual({ [a.aggregateId]: 3 });

    const again = [paid(4)];
    await events.append(a, again, { expectedVersion: 2 });
    await events.append(a, again, { expectedVersion: 2 });
    await events.appendAll([
      { stream: a, events: [paid(8)], expectedVersion: 3 },
      { stream: b, events: [paid(5)], expectedVersion: 'none' },
    ]);
    await events.append(freshStream(), [paid(100)], { expectedVersion: 'none' });
    expect(await read(name)).toEqual({ [a.aggregateId]: 15, [b.aggregateId]: 5 });

    // In the caller's transaction it is seen at once by that, and by nobody if it is rolled back.
    let inside: readonly unknown[] = [];
    await inTransaction(sql, async (tx) => {
      await events.append(b, [paid(1)], { expectedVersion: 1, tx });
      inside = (await tx.query(`SELECT cents FROM "${name}" WHERE id = $1`, [b.aggregateId])).rows;
      throw new Error('rolled back');
    }).catch(() => undefined);
    expect(inside).toEqual([{ cents: 6 }]);
    expect(await read(name)).toEqual({ [a.aggregateId]: 15, [b.aggregateId]: 5 });
  });

  test('what it throws fails the append: neither is stored', async () => {
    const { type, name } = names();
    const stream = freshStream(type);
    await opened.backend.inline.add(totals(type, name));
    await expect(opened.events.append(stream, [paid(1), paid(-1)], { expectedVersion: 'none' })).rejects.toThrow('negative money');
    expect(await versionsOf(opened.events, stream)).toEqual([]);
    expect(await read(name)).toEqual({});
  });

  test('made while others append, it misses none of their events', async () => {
    const { type, name } = names();
    const streams = upTo(5).map(() => freshStream(type));
    let made: Promise<void> | undefined;
    for (let round = 0; round < 8; round++) {
      const appended = streams.map((stream) => opened.events.append(stream, [paid(1)], { expectedVersion: round }));
      if (round === 3) made = opened.backend.inline.add(totals(type, name));
      await Promise.all(appended);
    }
    await made;
    expect(Object.values(await read(name))).toEqual([8, 8, 8, 8, 8]);
  });

  test('a new version is made from all events and takes the place of the old one; an old process is refused', async () => {
    const { type, name } = names();
    const stream = freshStream(type);
    await opened.backend.inline.add(totals(type, name, 1));
    await opened.events.append(stream, [paid(7)], { expectedVersion: 'none' });
    const next = await openEvents(store);
    try {
      await next.backend.inline.add(totals(type, name, 2));
      expect(await read(name)).toEqual({ [stream.aggregateId]: 14 });
      await next.events.append(stream, [paid(1)], { expectedVersion: 1 });
      expect(await read(name)).toEqual({ [stream.aggregateId]: 16 });
      const old = await openEvents(store);
      await expect(old.backend.inline.add(totals(type, name, 1))).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
      await old.close();
    } finally {
      await next.close();
    }
  });
});

describe('an inline projection on redis', () => {
  const store = useStore('redis');

  test('is refused: nothing of yours runs there when an event is stored', async () => {
    const opened = await openEvents(store);
    const projection = { name: 'totals', version: 1, events: ['order'], tables: ['totals'], handle: () => undefined };
    await expect(opened.backend.inline.add(projection)).rejects.toMatchObject({
      code: 'NOT_ALLOWED',
      message: expect.stringContaining('project()'),
    });
    await opened.close();
  });
});
