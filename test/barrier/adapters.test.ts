import { saga, step } from 'amends';
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { integer, pgTable, text } from 'drizzle-orm/pg-core';
import knex, { type Knex } from 'knex';
import { Kysely, PostgresDialect } from 'kysely';
import { DataSource, EntitySchema } from 'typeorm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  barrier,
  BarrierInProgressError,
  drizzleExecutor,
  installBarrier,
  isTransient,
  knexExecutor,
  kyselyExecutor,
  prismaExecutor,
  purgeBarrier,
  typeormExecutor,
  type BarrierCall,
  type BarrierExecutor,
  type BarrierOutcome,
} from '../../src/barrier/index.ts';
import { effect, held, operations, use } from './fixture.ts';
import { PostgresParticipant } from './postgres-participant.ts';
import { createPrismaClient, type PrismaClient } from './prisma-client.ts';

const participant = use(new PostgresParticipant());

const any = z.object({});
const pay = step({ name: 'pay', input: any, result: any, run: () => ({}), compensate: () => undefined });
const payment = saga({ name: 'payment', version: 1, input: any }).step(pay, () => ({}));

interface Database {
  effects: { gid: string; op: string; delta: number };
}

interface Transaction {
  readonly executor: BarrierExecutor;
  /** A business write through the client itself. */
  readonly insert: (row: Database['effects']) => PromiseLike<unknown>;
}

const effects = pgTable('effects', { gid: text().notNull(), op: text().notNull(), delta: integer().notNull() });
const effectEntity = new EntitySchema<Database['effects'] & { id: number }>({
  name: 'effects',
  columns: {
    id: { type: 'integer', primary: true, generated: true },
    gid: { type: 'text' },
    op: { type: 'text' },
    delta: { type: 'integer' },
  },
});

let knexClient: Knex | undefined;
let dataSource: DataSource | undefined;
let prisma: PrismaClient | undefined;
beforeAll(async () => {
  knexClient = knex({ client: 'pg', connection: participant.url, pool: { min: 0, max: 4 } });
  dataSource = new DataSource({ type: 'postgres', url: participant.url, entities: [effectEntity] });
  await dataSource.initialize();
  prisma = createPrismaClient(participant.url);
});
afterAll(async () => {
  await knexClient?.destroy();
  await dataSource?.destroy();
  await prisma?.$disconnect();
});

const CLIENTS = {
  Drizzle: <T>(work: (tx: Transaction) => Promise<T>) =>
    drizzle(participant.pool, { schema: { effects } }).transaction(
      (tx) => work({ executor: drizzleExecutor(tx, sql), insert: (row) => tx.insert(effects).values(row) }),
      { isolationLevel: 'repeatable read' },
    ),
  Kysely: <T>(work: (tx: Transaction) => Promise<T>) =>
    new Kysely<Database>({ dialect: new PostgresDialect({ pool: participant.pool }) })
      .transaction()
      .setIsolationLevel('repeatable read')
      .execute((trx) => work({ executor: kyselyExecutor(trx), insert: (row) => trx.insertInto('effects').values(row).execute() })),
  Knex: <T>(work: (tx: Transaction) => Promise<T>) =>
    knexClient!.transaction(
      (trx) => work({ executor: knexExecutor(trx), insert: (row) => trx<Database['effects']>('effects').insert(row) }),
      { isolationLevel: 'repeatable read' },
    ),
  'TypeORM with a manager': <T>(work: (tx: Transaction) => Promise<T>) =>
    dataSource!.transaction('REPEATABLE READ', (manager) =>
      work({ executor: typeormExecutor(manager), insert: (row) => manager.insert(effectEntity, row) }),
    ),
  'TypeORM with a query runner': async <T>(work: (tx: Transaction) => Promise<T>) => {
    const runner = dataSource!.createQueryRunner();
    try {
      await runner.startTransaction('REPEATABLE READ');
      const result = await work({ executor: typeormExecutor(runner), insert: (row) => runner.manager.insert(effectEntity, row) });
      await runner.commitTransaction();
      return result;
    } catch (error) {
      await runner.rollbackTransaction();
      throw error;
    } finally {
      await runner.release();
    }
  },
  Prisma: <T>(work: (tx: Transaction) => Promise<T>) =>
    prisma!.$transaction(
      (tx) =>
        work({
          executor: prismaExecutor(tx),
          insert: ({ gid, op, delta }) => tx.$executeRawUnsafe('INSERT INTO effects (gid, op, delta) VALUES ($1, $2, $3)', gid, op, delta),
        }),
      { isolationLevel: 'RepeatableRead' },
    ),
};

describe.each(Object.entries(CLIENTS))('%s', (_, transaction) => {
  /** One delivery; `fail`: its work throws after the write. */
  async function deliver(call: BarrierCall, { fail = false, lockTimeoutMs = 5000 } = {}): Promise<BarrierOutcome<unknown>> {
    return transaction(({ executor, insert }) =>
      barrier(
        executor,
        call,
        async (undone) => {
          await insert({ gid: call.gid, op: call.op, delta: call.op === 'compensate' ? -1 : 1 });
          if (fail) throw new Error('out of luck');
          return { undone: undone ?? null, say: `"what's up?" $1 :name ?? \\` };
        },
        { lockTimeoutMs },
      ),
    );
  }
  const result = { undone: null, say: `"what's up?" $1 :name ?? \\` };

  test('runs once, gives a duplicate the result, hands it to the undo, tells another input apart', async () => {
    const { gid, run, compensate } = operations(`what's "this"? $1 :a ${Math.random()}`);
    expect(await deliver(run)).toEqual({ kind: 'executed', result });
    expect(await deliver(run)).toEqual({ kind: 'duplicate', result });
    expect(await deliver({ ...run, input: 'other' })).toEqual({ kind: 'mismatch' });
    expect(await deliver(compensate)).toEqual({ kind: 'executed', result: { ...result, undone: result } });
    expect((await deliver(compensate)).kind).toBe('duplicate');
    expect((await participant.effects(gid)).map(({ op }) => op)).toEqual(['run', 'compensate']);
  });

  test('an empty undo bars the late action', async () => {
    const { gid, run, compensate } = operations();
    expect([(await deliver(compensate)).kind, (await deliver(run)).kind]).toEqual(['empty', 'suppressed']);
    expect(await participant.effects(gid)).toEqual([]);
  });

  test('work that throws leaves nothing behind', async () => {
    const { gid, run } = operations();
    await expect(deliver(run, { fail: true })).rejects.toThrow('out of luck');
    expect(await participant.effects(gid)).toEqual([]);
    expect((await deliver(run)).kind).toBe('executed');
  });

  test('what is in work elsewhere is told, and what got in the way is told to be run again, whatever wraps the error', async () => {
    const { gid, run } = operations();
    const other = held(effect(run));
    const running = participant.once(run, 'read committed', other.work);
    await other.reached;
    await expect(deliver(run, { lockTimeoutMs: 50 })).rejects.toBeInstanceOf(BarrierInProgressError);
    const conflicting = deliver(run).then(
      () => 'no error',
      (error: unknown) => isTransient(error),
    );
    await participant.waiting();
    other.go();
    await running;
    expect(await conflicting).toBe(true);
    expect((await deliver(run)).kind).toBe('duplicate');
    expect(await participant.net(gid)).toBe(1);
  });
});

test.each([
  ['TypeORM', () => typeormExecutor(dataSource!)],
  ['Prisma', () => prismaExecutor(prisma!)],
])('%s without a transaction installs the table and purges it, and is refused by the barrier', async (name, executorOf) => {
  const schema = { schema: `of_${name}` };
  await participant.pool.query(`CREATE SCHEMA "of_${name}"`);
  await installBarrier(executorOf(), schema);
  const { run } = operations();
  await participant.once(run, 'read committed', undefined, schema);
  await participant.pool.query(`UPDATE "of_${name}".txn_barrier SET created_at = now() - interval '1 year'`);
  expect(await purgeBarrier(executorOf(), { ...schema, sagas: [payment], olderThanMs: 90 * 86_400_000, ended: (gids) => gids })).toBe(1);
  await expect(barrier(executorOf(), run, () => Promise.resolve(1))).rejects.toMatchObject({ code: 'INVALID_OPTION' });
});
