import { randomBytes, randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import knex, { type Knex } from 'knex';
import { Kysely, PostgresDialect } from 'kysely';
import { Pool } from 'pg';
import { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as z from 'zod';
import { drizzleExecutor, knexExecutor, kyselyExecutor, prismaExecutor, typeormExecutor } from '../../src/barrier/index.ts';
import { connectEvents, eventStream, type CallersTransaction, type EventsConnection, type EventStreams } from '../../src/connect-events.ts';
import { createPrismaClient, type PrismaClient } from '../barrier/prisma-client.ts';
import { createPostgresPlace } from '../support/postgres-place.ts';
import type { Place } from '../support/place.ts';
import { all, orders, paid, placed } from './orders.ts';

interface Work {
  readonly tx: CallersTransaction;
  /** A business write through the client itself. */
  readonly insert: (id: string) => PromiseLike<unknown>;
}

let place: Place;
let pool: Pool;
let connection: EventsConnection;
let events: EventStreams;
let knexClient: Knex;
let dataSource: DataSource;
let prisma: PrismaClient;
beforeAll(async () => {
  place = await createPostgresPlace(`events_${randomBytes(6).toString('hex')}`);
  pool = new Pool({ connectionString: place.url, max: 8 });
  await pool.query('CREATE TABLE business (id text PRIMARY KEY)');
  connection = await connectEvents(place.url);
  ({ events } = connection);
  knexClient = knex({ client: 'pg', connection: place.url, pool: { min: 0, max: 4 } });
  dataSource = new DataSource({ type: 'postgres', url: place.url, entities: [] });
  await dataSource.initialize();
  prisma = createPrismaClient(place.url);
});
afterAll(async () => {
  await knexClient?.destroy();
  await dataSource?.destroy();
  await prisma?.$disconnect();
  await connection?.close();
  await pool?.end();
  await place?.end({ keep: false });
});

const INSERT = 'INSERT INTO business VALUES ($1)';

const CLIENTS: Record<string, (work: (given: Work) => Promise<void>) => Promise<unknown>> = {
  pg: async (work) => {
    const client = await pool.connect();
    try {
      await client.query('BEGIN');
      await work({ tx: client, insert: (id) => client.query(INSERT, [id]) });
      await client.query('COMMIT');
    } catch (error) {
      await client.query('ROLLBACK');
      throw error;
    } finally {
      client.release();
    }
  },
  Drizzle: (work) =>
    drizzle(pool).transaction((tx) =>
      work({ tx: drizzleExecutor(tx, sql), insert: (id) => tx.execute(sql`INSERT INTO business VALUES (${id})`) }),
    ),
  Kysely: (work) =>
    new Kysely<{ business: { id: string } }>({ dialect: new PostgresDialect({ pool }) })
      .transaction()
      .execute((trx) => work({ tx: kyselyExecutor(trx), insert: (id) => trx.insertInto('business').values({ id }).execute() })),
  Knex: (work) => knexClient.transaction((trx) => work({ tx: knexExecutor(trx), insert: (id) => trx('business').insert({ id }) })),
  TypeORM: (work) =>
    dataSource.transaction((manager) => work({ tx: typeormExecutor(manager), insert: (id) => manager.query(INSERT, [id]) })),
  Prisma: (work) => prisma.$transaction((tx) => work({ tx: prismaExecutor(tx), insert: (id) => tx.$executeRawUnsafe(INSERT, id) })),
};

const people = eventStream({
  name: 'person',
  version: 1,
  events: { named: z.object({ name: z.string() }) },
  personal: { named: { fields: ['name'] } },
});

describe.each(Object.entries(CLIENTS))("in a transaction of the caller's %s", (_name, transaction) => {
  const rows = async (id: string): Promise<number> => (await pool.query('SELECT 1 FROM business WHERE id = $1', [id])).rows.length;

  test('events and business rows are there together, or not at all', async () => {
    const id = `what's "this"? $1 :a \\ {${randomUUID()}}`;
    const odd = { ...placed(5), metadata: { note: `"what's up?" $1 :name ?? \\ {,} ä😀` } };
    const run = (fail: boolean) =>
      transaction(async ({ tx, insert }) => {
        await insert(id);
        await events.append(orders, id, [odd, paid()], { expectedVersion: 'none', tx });
        await events.append(orders, id, [paid(7)], { expectedVersion: 2, tx });
        expect(await events.head(orders, id)).toBeUndefined(); // nobody else sees it yet
        if (fail) throw new Error('business rule');
      });
    await expect(run(true)).rejects.toThrow('business rule');
    expect(await all(events.read(orders, id))).toEqual([]);
    expect(await rows(id)).toBe(0);
    await run(false);
    expect(await all(events.read(orders, id))).toMatchObject([
      { type: 'placed', data: { cents: 5 }, metadata: odd.metadata },
      { type: 'paid' },
      { type: 'paid', data: { cents: 7 } },
    ]);
    expect(await rows(id)).toBe(1);
  });

  test('a refusal leaves the transaction usable, of one stream and of several', async () => {
    const [taken, free, both] = [randomUUID(), randomUUID(), randomUUID()];
    await events.append(orders, taken, [{ ...placed(), eventId: taken }], { expectedVersion: 'none' });
    await transaction(async ({ tx, insert }) => {
      await insert(free);
      await expect(events.append(orders, taken, [paid()], { expectedVersion: 'none', tx })).rejects.toMatchObject({
        code: 'WRONG_EXPECTED_VERSION',
        details: { expected: 'none', actual: 1 },
      });
      await expect(events.append(orders, free, [{ ...placed(9), eventId: taken }], { expectedVersion: 'none', tx })).rejects.toMatchObject({
        code: 'EVENT_ID_REUSED',
      });
      expect(await events.append(orders, taken, [{ ...placed(), eventId: taken }], { expectedVersion: 'none', tx })).toMatchObject({
        duplicate: true,
      });
      const several = (expectedVersion: number) =>
        events.appendAll(
          (to) => to.append(orders, both, [placed()], { expectedVersion: 'none' }).append(orders, taken, [paid()], { expectedVersion }),
          { tx },
        );
      await expect(several(5)).rejects.toMatchObject({ code: 'WRONG_EXPECTED_VERSION' });
      await several(1);
    });
    expect(await rows(free)).toBe(1);
    expect(await events.head(orders, free)).toBeUndefined();
    expect(await events.head(orders, both)).toMatchObject({ version: 1 });
    expect(await events.head(orders, taken)).toMatchObject({ version: 2 });
  });

  test('data about people is encrypted under a key that commits with it', async () => {
    const id = randomUUID();
    const append = (fail: boolean) =>
      transaction(async ({ tx }) => {
        await events.append(people, id, [{ type: 'named', data: { name: `Anna "O'Neill"` } }], { expectedVersion: 'none', tx });
        if (fail) throw new Error('business rule');
      });
    await expect(append(true)).rejects.toThrow('business rule');
    expect(await events.forget(id)).toBe(false);
    await append(false);
    expect(await all(events.read(people, id))).toMatchObject([{ data: { name: `Anna "O'Neill"` } }]);
    expect(await events.forget(id)).toBe(true);
  });
});

test('what is no transaction is refused with the sentence that says what one is', async () => {
  for (const tx of [{}, 'tx', 5, { dialect: 'mysql', exec: () => undefined }]) {
    await expect(events.append(orders, 'x', [placed()], { expectedVersion: 'any', tx: tx as never })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining('drizzleExecutor'),
    });
  }
});
