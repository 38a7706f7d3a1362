import { readFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { migrate } from '../../src/connections/migrate.ts';
import type { SqlPool } from '../../src/connections/sql.ts';
import { createPostgresBackend } from '../../src/events/postgres/backend.ts';
import { createPostgresJournal } from '../../src/journal/postgres/postgres-journal.ts';
import { describeEachSqlStore } from '../support/stores.ts';
import { batch, freshStream, readAll } from '../support/streams.ts';
import { commitOf, fresh, started } from '../support/transactions.ts';

const FIRST = ['events/postgres/0001_event_store', 'journal/postgres/0002_journal'];

describeEachSqlStore('a store made by the first version, without an order of all events', (store) => {
  const namespace = `old_${Math.random().toString(36).slice(2, 10)}`;
  let sql: SqlPool;
  beforeAll(async () => {
    sql = (await store.open()).sql!;
    await sql.query(`CREATE SCHEMA ${namespace}`);
    await sql.query(
      `CREATE TABLE ${namespace}.migrations (number integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz DEFAULT now())`,
    );
    for (const [i, path] of FIRST.entries()) {
      const text = readFileSync(new URL(`../../src/${path}.sql`, import.meta.url), 'utf8');
      await sql.query(text.replaceAll('{{schema}}', `"${namespace}"`));
      await sql.query(`INSERT INTO ${namespace}.migrations (number, name) VALUES ($1, $2)`, [i + 1, path.slice(path.lastIndexOf('/') + 1)]);
    }
  });

  test('is brought up to date: what it had is read, has its place in the order, and goes on', async () => {
    const stream = freshStream();
    const [id, old] = [fresh(), batch(3)];
    const journal = createPostgresJournal({ pool: sql, namespace });
    await sql.query(
      `SELECT * FROM ${namespace}.append_events($1, $2, 'none', $3::text[], $4::text[], $5::integer[], $6::json[], $7::json[])`,
      [
        stream.aggregateType,
        stream.aggregateId,
        old.map(({ eventId }) => eventId),
        old.map(({ eventType }) => eventType),
        old.map(() => 1),
        old.map(({ eventData }) => JSON.stringify(eventData)),
        old.map(() => '{}'),
      ],
    );
    const { type, data } = started('order');
    await sql.query(
      `SELECT * FROM ${namespace}.commit_transaction($1, 0, $2::text[], $3::json[], 'running', NULL, false, NULL, 'order', 1, '{}')`,
      [id, [type], [JSON.stringify(data)]],
    );

    expect(await migrate(sql, namespace)).toHaveLength(5);
    const backend = createPostgresBackend({ pool: sql, namespace });
    expect(await backend.store.append(stream, old, { expectedVersion: 'none' })).toEqual({
      firstVersion: 1,
      lastVersion: 3,
      duplicate: true,
    });
    expect(await backend.store.append(stream, batch(1), { expectedVersion: 3 })).toMatchObject({ firstVersion: 4 });
    expect(await journal.commit(commitOf(id, 1, [started('order')]))).toMatchObject({ committed: true });
    expect(await readAll(backend.store, stream)).toHaveLength(4);
    const { events } = await backend.log.read(0, { categories: [stream.aggregateType, 'transaction'] });
    expect(events.map(({ position, aggregateId, version }) => [position, aggregateId, version])).toEqual([
      [1, stream.aggregateId, 1],
      [2, stream.aggregateId, 2],
      [3, stream.aggregateId, 3],
      [4, id, 1],
      [5, stream.aggregateId, 4],
      [6, id, 2],
    ]);
    await backend.close();
    await journal.close();
  });
});
