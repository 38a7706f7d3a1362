import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { integer, pgTable, text } from 'drizzle-orm/pg-core';
import knex, { type Knex } from 'knex';
import { Kysely, PostgresDialect } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  barrier,
  BarrierInProgressError,
  drizzleExecutor,
  isTransient,
  knexExecutor,
  kyselyExecutor,
  type BarrierCall,
  type BarrierExecutor,
  type BarrierOutcome,
} from '../../src/barrier/index.ts';
import { effect, held, operations, useParticipant } from './fixture.ts';

const participant = useParticipant();

interface Database {
  effects: { gid: string; op: string; delta: number };
}

interface Transaction {
  readonly executor: BarrierExecutor;
  /** A business write through the client itself. */
  readonly insert: (row: Database['effects']) => PromiseLike<unknown>;
}

const effects = pgTable('effects', { gid: text().notNull(), op: text().notNull(), delta: integer().notNull() });
let knexClient: Knex | undefined;
beforeAll(() => {
  knexClient = knex({ client: 'pg', connection: participant.url, pool: { min: 0, max: 4 } });
});
afterAll(() => knexClient?.destroy());

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
