import { createConnection, createPool, type Connection, type ConnectionOptions } from 'mysql2/promise';
import { expect, test } from 'vitest';
import { barrier, BarrierInProgressError, installBarrier, isTransient, mysqlExecutor, type BarrierCall } from '../../src/barrier/index.ts';
import { effect, held, operations, use } from './fixture.ts';
import { MariadbParticipant, sessionOf } from './mariadb-participant.ts';

const participant = use(new MariadbParticipant());
const deliver = (call: BarrierCall) => participant.deliver(call, 'repeatable read');
const result = (value: unknown) => () => Promise.resolve(value);

async function onConnection<T>(work: (connection: Connection) => Promise<T>, options: ConnectionOptions = {}): Promise<T> {
  const connection = await createConnection({ uri: participant.url, ...options });
  try {
    return await work(connection);
  } finally {
    await connection.end();
  }
}

test('B21: ids that differ in case, trailing spaces, scope or branch are different operations, and long ones are kept whole', async () => {
  const { run } = operations('Order-é');
  const long = 'x'.repeat(254);
  const variants = [
    run,
    { ...run, gid: 'order-é' },
    { ...run, gid: 'ORDER-É' },
    { ...run, gid: 'Order-e' },
    { ...run, gid: 'Order-é ' },
    { ...run, scope: 'b' },
    { ...run, branchId: 'Debit' },
    { ...run, branchId: `'"\\ ?` },
    { ...run, gid: `${long}a` },
    { ...run, gid: `${long}b` },
    { ...run, scope: long, gid: long, branchId: long, barrierId: long },
  ];
  const once = (call: BarrierCall) => participant.once(call, 'read committed', result(1));
  for (const call of variants) expect((await once(call)).kind).toBe('executed');
  for (const call of variants) expect((await once(call)).kind).toBe('duplicate');
});

test.each<[string, unknown]>([
  ['undefined', undefined],
  ['null', null],
  ['text', `ünïcode 🦊 "quoted" 'single' \\ ? \0`],
  ['a number', -1.5e-7],
  ['a list', [1, [2, { three: null }]]],
])('a duplicate gets %s as it was', async (_, value) => {
  const { run } = operations();
  const once = () => participant.once(run, 'read committed', result(value));
  expect([await once(), await once()]).toEqual([
    { kind: 'executed', result: value },
    { kind: 'duplicate', result: value },
  ]);
});

test.each<[string, unknown]>([
  ['a Date', new Date(0)],
  ['half a surrogate pair', '\ud800'],
  ['nesting beyond what MariaDB reads', JSON.parse(`${'['.repeat(40)}${']'.repeat(40)}`)],
])('a result that can not be kept, %s, is refused and nothing is kept', async (_, value) => {
  const { gid, run } = operations();
  const refused = participant.once(run, 'read committed', async (session, undone) => {
    await effect(run)(session, undone);
    return value;
  });
  await expect(refused).rejects.toMatchObject({ code: 'PAYLOAD_NOT_JSON' });
  expect(await participant.effects(gid)).toEqual([]);
  expect((await deliver(run)).kind).toBe('executed');
});

test.each<[string, ConnectionOptions, string]>([
  ['latin1', { charset: 'latin1_swedish_ci' }, ''],
  ['NO_BACKSLASH_ESCAPES and ANSI_QUOTES', {}, 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'],
  ['rows as arrays', { rowsAsArray: true }, ''],
  ['autocommit off', {}, 'autocommit'],
])('a connection with %s shares slots and results with every other', async (_, options, mode) => {
  const { run } = operations(`ключ-é-'"\\-${mode}-${JSON.stringify(options)}`);
  const value = { say: `ключ 🦊 '"\\` };
  await onConnection(async (connection) => {
    if (mode === 'autocommit') await connection.query('SET autocommit = 0');
    else await connection.query(`SET sql_mode = '${mode}'`).then(() => connection.query('START TRANSACTION'));
    expect(await barrier(mysqlExecutor(connection), run, result(value))).toEqual({ kind: 'executed', result: value });
    await connection.query('COMMIT');
    if (mode !== 'autocommit') await connection.query('START TRANSACTION');
    expect(await barrier(mysqlExecutor(connection), run, result(1))).toEqual({ kind: 'duplicate', result: value });
    await connection.query('COMMIT');
  }, options);
  expect(await participant.once(run, 'read committed', result(1))).toEqual({ kind: 'duplicate', result: value });
});

test('nothing of failed work is kept, even if its error is caught and the transaction committed; what was before it is', async () => {
  const [failing, before] = [operations(), operations()];
  await onConnection(async (connection) => {
    await connection.query('START TRANSACTION');
    await effect(before.run)(sessionOf(connection), undefined);
    const swallowed = barrier(mysqlExecutor(connection), failing.run, async () => {
      await effect(failing.run)(sessionOf(connection), undefined);
      throw new Error('swallowed');
    });
    await expect(swallowed).rejects.toThrow('swallowed');
    await connection.query('COMMIT');
  });
  expect([await participant.net(failing.gid), await participant.net(before.gid)]).toEqual([0, 1]);
  expect((await deliver(failing.run)).kind).toBe('executed');
});

test('a barrier in the work of another one, in the same transaction', async () => {
  const [outer, inner] = [operations(), operations()];
  await onConnection(async (connection) => {
    const executor = mysqlExecutor(connection);
    await connection.query('START TRANSACTION');
    const outcome = await barrier(executor, outer.run, async () => (await barrier(executor, inner.run, result('in'))).kind);
    expect(outcome).toEqual({ kind: 'executed', result: 'executed' });
    await connection.query('COMMIT');
  });
  expect([(await deliver(outer.run)).kind, (await deliver(inner.run)).kind]).toEqual(['duplicate', 'duplicate']);
});

test('an undo that waits in vain, is caught and committed has not barred its action', async () => {
  const { run, compensate } = operations();
  await onConnection(async (holder) => {
    // Somebody holds the undo's own slot only: that of the action is free, and goes in first.
    await holder.query('START TRANSACTION');
    await holder.query(
      `INSERT INTO txn_barrier (scope, gid, branch_id, op, barrier_id, reason, created_at) VALUES ('', ?, ?, 'compensate', '01', 'x', NOW())`,
      [compensate.gid, compensate.branchId],
    );
    await onConnection(async (waiting) => {
      await waiting.query('START TRANSACTION');
      const refused = barrier(mysqlExecutor(waiting), compensate, result(1), { lockTimeoutMs: 1 });
      await expect(refused).rejects.toBeInstanceOf(BarrierInProgressError);
      await waiting.query('COMMIT');
    });
    await holder.query('ROLLBACK');
  });
  expect((await deliver(run)).kind).toBe('executed');
});

test("the session's own lock timeout holds again in the work, after it, and after a wait in vain", async () => {
  const { run, compensate } = operations();
  const busy = operations();
  const action = held(effect(busy.run));
  const running = participant.once(busy.run, 'read committed', action.work);
  await action.reached;
  await onConnection(async (connection) => {
    const timeout = async () => {
      const [rows] = await connection.query('SELECT @@innodb_lock_wait_timeout AS seconds');
      return (rows as { seconds: number }[])[0]!.seconds;
    };
    await connection.query('SET innodb_lock_wait_timeout = 7');
    await connection.query('START TRANSACTION');
    const seen: number[] = [];
    for (const call of [run, run, compensate]) {
      await barrier(mysqlExecutor(connection), call, async () => void seen.push(await timeout()), { lockTimeoutMs: 100 });
      seen.push(await timeout());
    }
    const refused = barrier(mysqlExecutor(connection), busy.run, result(1), { lockTimeoutMs: 100 });
    await expect(refused).rejects.toBeInstanceOf(BarrierInProgressError);
    seen.push(await timeout());
    await connection.query('COMMIT');
    expect(seen).toEqual([7, 7, 7, 7, 7, 7]);
  });
  action.go();
  await running;
});

test('without a transaction nothing is written, and one that the work has ended is noticed', async () => {
  const loose = operations();
  const work = (call: BarrierCall) => () => effect(call)(sessionOf(participant.pool), undefined);
  const pool = createPool({ uri: participant.url, connectionLimit: 1 });
  const refused = barrier(mysqlExecutor(pool), loose.run, work(loose.run));
  await expect(refused).rejects.toMatchObject({ code: 'INVALID_OPTION', message: expect.stringContaining('never to the pool') });
  await pool.end();
  expect(await participant.rows('SELECT 1 FROM txn_barrier WHERE gid = $1', [loose.gid])).toEqual([]);
  expect(await participant.net(loose.gid)).toBe(0);
  await onConnection(async (connection) => {
    await connection.query('START TRANSACTION');
    const ended = barrier(mysqlExecutor(connection), operations().run, () => connection.query('COMMIT').then(() => undefined));
    await expect(ended).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });
});

test('a snapshot from before hides nothing; where the server refuses to look past it, the transaction is run again', async () => {
  const { run, compensate } = operations();
  const afterSnapshot = async (setting: 'ON' | 'OFF', call: BarrierCall, meanwhile: BarrierCall) =>
    onConnection(async (connection) => {
      await connection.query(`SET innodb_snapshot_isolation = ${setting}, SESSION tx_isolation = 'REPEATABLE-READ'`);
      await connection.query('START TRANSACTION');
      await connection.query('SELECT COUNT(*) FROM txn_barrier');
      await deliver(meanwhile);
      try {
        return (await barrier(mysqlExecutor(connection), call, result(1))).kind;
      } catch (error) {
        return isTransient(error);
      } finally {
        await connection.query('ROLLBACK');
      }
    });
  expect(await afterSnapshot('OFF', run, run)).toBe('duplicate');
  expect(await afterSnapshot('OFF', compensate, compensate)).toBe('duplicate');
  const other = operations();
  expect(await afterSnapshot('ON', other.run, other.run)).toBe(true);
});

test('ten processes that install the barrier at once all succeed, in any database, and keep what is there', async () => {
  const schema = `${new URL(participant.url).pathname.slice(1)}_other`;
  await participant.pool.query(`CREATE DATABASE ${schema}`);
  try {
    const { run } = operations();
    for (let round = 0; round < 2; round++) {
      await Promise.all(Array.from({ length: 10 }, () => installBarrier(participant.executor, { schema })));
      const { kind } = await participant.once(run, 'read committed', undefined, { schema });
      expect(kind).toBe(['executed', 'duplicate'][round]);
    }
  } finally {
    await participant.pool.query(`DROP DATABASE ${schema}`);
  }
  const hostile = installBarrier(participant.executor, { schema: 'a`; DROP TABLE effects' });
  await expect(hostile).rejects.toMatchObject({ code: 'INVALID_OPTION' });
});
