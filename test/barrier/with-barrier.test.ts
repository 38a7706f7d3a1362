import { connect, saga, step, StepFailed, type StepContext } from 'amends';
import { Pool, type PoolClient } from 'pg';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { barrierCall, endedIn, withBarrier, type BarrierContext } from '../../src/barrier/index.ts';
import { effect, held, LEVELS, operations, use } from './fixture.ts';
import { PostgresParticipant } from './postgres-participant.ts';
import { openCommitProxy } from './proxy.ts';

const participant = use(new PostgresParticipant());

type Context<Op> = BarrierContext & Pick<StepContext<unknown>, 'signal'> & { readonly op: Op };

function contexts(signal = new AbortController().signal) {
  const { gid } = operations();
  const context = { sagaId: gid, step: 'debit', input: { cents: 100 }, signal };
  const run: Context<'run'> = { ...context, op: 'run' };
  const compensate: Context<'compensate'> = { ...context, op: 'compensate' };
  return { gid, run, compensate };
}

/** The effect of a context's operation. */
function effectOf(context: BarrierContext) {
  const work = effect(barrierCall(context));
  return (client: PoolClient) => work(client, undefined);
}

test('an action gives its result at every delivery, and its compensation returns quietly at every delivery', async () => {
  const { gid, run, compensate } = contexts();
  for (let i = 0; i < 2; i++) expect(await withBarrier(participant.pool, run, effectOf(run))).toEqual({ ref: `run of ${gid}` });
  const seen: unknown[] = [];
  for (let i = 0; i < 2; i++) {
    const undone = withBarrier(participant.pool, compensate, (client, action) => {
      seen.push(action);
      return effectOf(compensate)(client);
    });
    expect(await undone).toBeUndefined();
  }
  expect(seen).toEqual([{ ref: `run of ${gid}` }]);
  expect(await participant.net(gid)).toBe(0);
});

test('an empty compensation returns quietly, and the late action fails for certain', async () => {
  const { gid, run, compensate } = contexts();
  expect(await withBarrier(participant.pool, compensate, effectOf(compensate))).toBeUndefined();
  await expect(withBarrier(participant.pool, run, effectOf(run))).rejects.toBeInstanceOf(StepFailed);
  expect(await participant.effects(gid)).toEqual([]);
});

test('another input is an error that is not retried', async () => {
  const { run } = contexts();
  await withBarrier(participant.pool, run, effectOf(run));
  const other = withBarrier(participant.pool, { ...run, input: { cents: 1 } }, effectOf(run));
  await expect(other).rejects.toMatchObject({ code: 'BARRIER_MISMATCH', retryable: false });
});

test.each([{ isolation: 'serialisable' as never }, { attempts: 0 }, { schema: '1' }, { lockTimeoutMs: 0 }])(
  '%j is refused',
  async (options) => {
    const { run } = contexts();
    await expect(withBarrier(participant.pool, run, effectOf(run), options)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  },
);

test.each(['repeatable read', 'serializable'] as const)('%s: what others got in the way of is run again', async (isolation) => {
  const { gid, run } = contexts();
  const first = held(effect(barrierCall(run)));
  const running = withBarrier(participant.pool, run, (client) => first.work(client, undefined), { isolation });
  await first.reached;
  const second = withBarrier(participant.pool, run, effectOf(run), { isolation }); // its first try ends with 40001
  await participant.waiting();
  first.go();
  expect(await second).toEqual(await running);
  expect(await participant.net(gid)).toBe(1);
});

test('a deadlock is run again, and both transactions get through', async () => {
  const [one, two] = [contexts(), contexts()];
  await participant.pool.query(
    'CREATE TABLE accounts (id int PRIMARY KEY, balance int NOT NULL); INSERT INTO accounts VALUES (1, 0), (2, 0)',
  );
  const debit = async (client: PoolClient, id: number) =>
    void (await client.query('UPDATE accounts SET balance = balance - 1 WHERE id = $1', [id]));
  let arrived = 0;
  let release = (): void => undefined;
  const both = new Promise<void>((resolve) => (release = resolve));
  const move = (first: number, second: number) => async (client: PoolClient) => {
    await debit(client, first);
    if (++arrived === 2) release();
    await both;
    await debit(client, second);
  };
  await Promise.all([withBarrier(participant.pool, one.run, move(1, 2)), withBarrier(participant.pool, two.run, move(2, 1))]);
  expect(arrived).toBe(3);
  expect((await participant.pool.query('SELECT balance FROM accounts ORDER BY id')).rows).toEqual([{ balance: -2 }, { balance: -2 }]);
});

test('the attempts end, with what the database said', async () => {
  const { gid, run } = contexts();
  let tries = 0;
  const failing = withBarrier(
    participant.pool,
    run,
    async (client) => {
      tries++;
      await effectOf(run)(client);
      await client.query(`DO $$ BEGIN RAISE EXCEPTION 'busy' USING ERRCODE = '40001'; END $$`);
    },
    { attempts: 3 },
  );
  await expect(failing).rejects.toMatchObject({ code: '40001' });
  expect(tries).toBe(3);
  expect(await participant.effects(gid)).toEqual([]);
});

test('a step whose signal has fired is not begun', async () => {
  const { run } = contexts(AbortSignal.abort(new Error('too late')));
  await expect(withBarrier(participant.pool, run, effectOf(run))).rejects.toThrow('too late');
});

describe.each(LEVELS)('faults at %s', (isolation) => {
  test('B17: the worker died after the commit: the next delivery is a duplicate with the result', async () => {
    const { gid, run } = contexts();
    await withBarrier(participant.pool, run, effectOf(run), { isolation }); // nobody hears of it
    expect(await withBarrier(participant.pool, run, effectOf(run), { isolation })).toEqual({ ref: `run of ${gid}` });
    expect(await participant.net(gid)).toBe(1);
  });

  test('B18: the session is killed before the commit: nothing is kept, the pool goes on, the next delivery runs', async () => {
    const { gid, run } = contexts();
    const killed = withBarrier(
      participant.pool,
      run,
      async (client) => {
        await effectOf(run)(client);
        const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
        const gone = new Promise((resolve) => client.once('end', resolve));
        await participant.pool.query('SELECT pg_terminate_backend($1)', [rows[0]!.pid]);
        await gone;
      },
      { isolation },
    );
    await expect(killed).rejects.toThrow(/connection/i);
    expect(await participant.effects(gid)).toEqual([]);
    await withBarrier(participant.pool, run, effectOf(run), { isolation });
    expect(await participant.net(gid)).toBe(1);
  });

  test.each(['request', 'answer'] as const)(
    'B19: the connection is cut at COMMIT and the %s is lost: the effect is there once',
    async (loss) => {
      const { gid, run, compensate } = contexts();
      await using proxy = await openCommitProxy(participant.url);
      const pool = new Pool({ connectionString: proxy.url });
      try {
        for (const [context, net] of [
          [run, 1],
          [compensate, 0],
        ] as const) {
          proxy.loseNext(loss);
          await expect(withBarrier(pool, context, effectOf(context), { isolation })).rejects.toThrow(/connection/i);
          await withBarrier(pool, context, effectOf(context), { isolation });
          expect(await participant.net(gid)).toBe(net);
        }
        expect(await participant.effects(gid)).toHaveLength(2);
        expect(proxy.lost).toBe(2);
      } finally {
        await pool.end();
      }
    },
  );
});

test('in a saga: the context says which operation it is, of which step', async () => {
  const seen: string[] = [];
  const account = <const Name extends string>(name: Name, refuse: boolean) =>
    step({
      name,
      input: z.object({ cents: z.int() }),
      result: z.object({ ref: z.string() }),
      retry: { attempts: 2, delayMs: 1 },
      run: (context) => {
        seen.push(`${context.op} ${context.step}`);
        if (refuse) throw new StepFailed('no');
        return withBarrier(participant.pool, context, async (tx) => {
          await effect(barrierCall(context))(tx, undefined);
          return { ref: 'kept' };
        });
      },
      compensate: (context) => {
        seen.push(`${context.op} ${context.step}`);
        return withBarrier(participant.pool, context, async (tx, action) => {
          seen.push(JSON.stringify(action));
          expect(await endedIn(amends)([context.sagaId])).toEqual([]); // it is still on its way
          return effect(barrierCall(context))(tx, undefined);
        });
      },
    });
  const transfer = saga({ name: 'transfer', version: 1, input: z.object({ cents: z.int() }) })
    .step(account('debit', false), ({ input }) => input)
    .step(account('credit', true), ({ input }) => input);
  await using amends = await connect(participant.url);
  await amends.worker({ sagas: [transfer] }).run();
  const run = await amends.start(transfer, { cents: 100 }, { id: 'transfer-1' });
  expect((await run.outcome()).status).toBe('compensated');
  expect(seen).toEqual(['run debit', 'run credit', 'compensate debit', '{"ref":"kept"}']);
  expect((await participant.effects('transfer-1')).map(({ op }) => op)).toEqual(['run', 'compensate']);
  const { rows } = await participant.pool.query(`SELECT branch_id, op, reason FROM txn_barrier WHERE gid = 'transfer-1' ORDER BY op DESC`);
  expect(rows).toEqual([
    { branch_id: 'debit', op: 'run', reason: 'run' },
    { branch_id: 'debit', op: 'compensate', reason: 'compensate' },
  ]);

  expect(await endedIn(amends)(['transfer-1', 'never-known'])).toEqual(['transfer-1', 'never-known']);
});
