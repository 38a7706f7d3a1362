import type { Socket } from 'node:net';
import { StepFailed, type StepContext } from 'amends';
import { createPool, type PoolConnection } from 'mysql2/promise';
import { describe, expect, test } from 'vitest';
import { barrierCall, withMysqlBarrier, type BarrierContext } from '../../src/barrier/index.ts';
import { effect, held, LEVELS, operations, use } from './fixture.ts';
import { MariadbParticipant, sessionOf } from './mariadb-participant.ts';
import { openCommitProxy } from './proxy.ts';

const participant = use(new MariadbParticipant());

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
  return (connection: PoolConnection) => work(sessionOf(connection), undefined);
}

test('an action gives its result at every delivery, and its compensation returns quietly at every delivery', async () => {
  const { gid, run, compensate } = contexts();
  for (let i = 0; i < 2; i++) expect(await withMysqlBarrier(participant.pool, run, effectOf(run))).toEqual({ ref: `run of ${gid}` });
  const seen: unknown[] = [];
  for (let i = 0; i < 2; i++) {
    const undone = withMysqlBarrier(participant.pool, compensate, (connection, action) => {
      seen.push(action);
      return effectOf(compensate)(connection);
    });
    expect(await undone).toBeUndefined();
  }
  expect(seen).toEqual([{ ref: `run of ${gid}` }]);
  expect(await participant.net(gid)).toBe(0);
});

test('an empty compensation returns quietly, the late action fails for certain, and another input is not retried', async () => {
  const { gid, run, compensate } = contexts();
  expect(await withMysqlBarrier(participant.pool, compensate, effectOf(compensate))).toBeUndefined();
  await expect(withMysqlBarrier(participant.pool, run, effectOf(run))).rejects.toBeInstanceOf(StepFailed);
  expect(await participant.effects(gid)).toEqual([]);
  const other = contexts();
  await withMysqlBarrier(participant.pool, other.run, effectOf(other.run));
  const mismatch = withMysqlBarrier(participant.pool, { ...other.run, input: { cents: 1 } }, effectOf(other.run));
  await expect(mismatch).rejects.toMatchObject({ code: 'BARRIER_MISMATCH', retryable: false });
});

test.each([{ isolation: 'serialisable' as never }, { attempts: 0 }, { schema: '1' }, { lockTimeoutMs: 0 }])(
  '%j is refused',
  async (options) => {
    const { run } = contexts();
    await expect(withMysqlBarrier(participant.pool, run, effectOf(run), options)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  },
);

test('a deadlock is run again, and both transactions get through', async () => {
  const [one, two] = [contexts(), contexts()];
  await participant.pool.query('CREATE TABLE accounts (id int PRIMARY KEY, balance int NOT NULL)');
  await participant.pool.query('INSERT INTO accounts VALUES (1, 0), (2, 0)');
  const debit = async (connection: PoolConnection, id: number) =>
    void (await connection.query('UPDATE accounts SET balance = balance - 1 WHERE id = ?', [id]));
  let arrived = 0;
  let release = (): void => undefined;
  const both = new Promise<void>((resolve) => (release = resolve));
  const move = (first: number, second: number) => async (connection: PoolConnection) => {
    await debit(connection, first);
    if (++arrived === 2) release();
    await both;
    await debit(connection, second);
  };
  await Promise.all([withMysqlBarrier(participant.pool, one.run, move(1, 2)), withMysqlBarrier(participant.pool, two.run, move(2, 1))]);
  expect(arrived).toBe(3);
  expect(await participant.rows('SELECT balance FROM accounts ORDER BY id')).toEqual([{ balance: -2 }, { balance: -2 }]);
});

test('the deliveries that waited for an action that rolls back deadlock over its slot, and one of them runs it', async () => {
  const { gid, run } = contexts();
  const first = held(effect(barrierCall(run)));
  const failing = withMysqlBarrier(participant.pool, run, (connection) => first.work(sessionOf(connection), undefined));
  const failed = failing.catch((error: unknown) => error);
  await first.reached;
  const others = Array.from({ length: 4 }, () => withMysqlBarrier(participant.pool, run, effectOf(run), { attempts: 20 }));
  await participant.waiting(4);
  first.fail(new Error('no money'));
  expect(await failed).toMatchObject({ message: 'no money' });
  expect(await Promise.all(others)).toEqual(Array.from({ length: 4 }, () => ({ ref: `run of ${gid}` })));
  expect(await participant.net(gid)).toBe(1);
});

test('the attempts end, with what the database said', async () => {
  const { gid, run } = contexts();
  let tries = 0;
  const failing = withMysqlBarrier(
    participant.pool,
    run,
    async (connection) => {
      tries++;
      await effectOf(run)(connection);
      await connection.query(`SIGNAL SQLSTATE '40001' SET MESSAGE_TEXT = 'busy', MYSQL_ERRNO = 1213`);
    },
    { attempts: 3 },
  );
  await expect(failing).rejects.toMatchObject({ errno: 1213 });
  expect(tries).toBe(3);
  expect(await participant.effects(gid)).toEqual([]);
});

test('a lock that the work waits for in vain is not waited for again', async () => {
  const { gid, run } = contexts();
  const holder = await participant.begin('read committed');
  await holder.session.query(`INSERT INTO effects (id, gid, op, delta) VALUES (424242, 'holder', 'run', 1)`);
  let tries = 0;
  const failing = withMysqlBarrier(participant.pool, run, async (connection) => {
    tries++;
    await effectOf(run)(connection);
    await connection.query('SET innodb_lock_wait_timeout = 1');
    try {
      await connection.query(`INSERT INTO effects (id, gid, op, delta) VALUES (424242, 'waiter', 'run', 1)`);
    } finally {
      await connection.query('SET innodb_lock_wait_timeout = DEFAULT');
    }
  });
  await expect(failing).rejects.toMatchObject({ errno: 1205 });
  await holder.rollback();
  expect(tries).toBe(1);
  expect(await participant.effects(gid)).toEqual([]);
});

test('a step whose signal has fired is not begun', async () => {
  const { run } = contexts(AbortSignal.abort(new Error('too late')));
  await expect(withMysqlBarrier(participant.pool, run, effectOf(run))).rejects.toThrow('too late');
});

describe.each(LEVELS)('faults at %s', (isolation) => {
  test('B17: the worker died after the commit: the next delivery is a duplicate with the result', async () => {
    const { gid, run } = contexts();
    await withMysqlBarrier(participant.pool, run, effectOf(run), { isolation }); // nobody hears of it
    expect(await withMysqlBarrier(participant.pool, run, effectOf(run), { isolation })).toEqual({ ref: `run of ${gid}` });
    expect(await participant.net(gid)).toBe(1);
  });

  test('B18: the session is killed before the commit: nothing is kept, the pool goes on, the next delivery runs', async () => {
    const { gid, run } = contexts();
    const killed = withMysqlBarrier(
      participant.pool,
      run,
      async (connection) => {
        await effectOf(run)(connection);
        const { stream } = connection.connection as unknown as { readonly stream: Socket };
        const gone = new Promise((resolve) => stream.once('close', resolve));
        await participant.pool.query(`KILL ${connection.threadId}`);
        await gone; // with no statement in work that could tell
      },
      { isolation },
    );
    await expect(killed).rejects.toThrow(/connection/i);
    expect(await participant.effects(gid)).toEqual([]);
    await withMysqlBarrier(participant.pool, run, effectOf(run), { isolation });
    expect(await participant.net(gid)).toBe(1);
  });

  test.each(['request', 'answer'] as const)(
    'B19: the connection is cut at COMMIT and the %s is lost: the effect is there once',
    async (loss) => {
      const { gid, run, compensate } = contexts();
      await using proxy = await openCommitProxy(participant.url);
      const pool = createPool({ uri: proxy.url });
      try {
        for (const [context, net] of [
          [run, 1],
          [compensate, 0],
        ] as const) {
          proxy.loseNext(loss);
          await expect(withMysqlBarrier(pool, context, effectOf(context), { isolation })).rejects.toThrow(/connection/i);
          await withMysqlBarrier(pool, context, effectOf(context), { isolation });
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
