import { Client } from 'pg';
import { expect, test } from 'vitest';
import { barrier, installBarrier, pgExecutor, type BarrierCall } from '../../src/barrier/index.ts';
import { effect, operations, use } from './fixture.ts';
import { PostgresParticipant } from './postgres-participant.ts';

const participant = use(new PostgresParticipant());
const deliver = (call: BarrierCall) => participant.deliver(call, 'read committed');

async function onClient<T>(work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: participant.url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

test('B21: ids that differ in case, scope or branch are different operations, and long ones are kept whole', async () => {
  const { run } = operations('Order-é');
  const long = 'x'.repeat(254);
  const variants = [
    run,
    { ...run, gid: 'order-é' },
    { ...run, gid: 'ORDER-É' },
    { ...run, scope: 'b' },
    { ...run, branchId: 'Debit' },
    { ...run, gid: `${long}a` },
    { ...run, gid: `${long}b` },
    { ...run, scope: long, gid: long, branchId: long, barrierId: long },
  ];
  for (const call of variants) expect((await deliver(call)).kind).toBe('executed');
  for (const call of variants) expect((await deliver(call)).kind).toBe('duplicate');
});

test.each([
  ['gid', { gid: '' }, 'INVALID_ID'],
  ['gid', { gid: 'é'.repeat(128) }, 'INVALID_ID'],
  ['gid', { gid: 'a\0b' }, 'INVALID_ID'],
  ['gid', { gid: '\ud800' }, 'INVALID_ID'],
  ['branchId', { branchId: 7 as never }, 'INVALID_ID'],
  ['op', { op: 'toString' as never }, 'INVALID_OPTION'],
  ['input', { input: { cents: 1n } }, 'INVALID_INPUT'],
])('a bad %s is refused before anything is written (%#)', async (name, part, code) => {
  const { run } = operations();
  await expect(deliver({ ...run, ...part })).rejects.toMatchObject({ code, message: expect.stringContaining(name) });
});

test.each([0, 1.5, Number.NaN, 2 ** 31])('a lock timeout of %d ms is refused', async (lockTimeoutMs) => {
  const { run } = operations();
  const refused = participant.once(run, 'read committed', undefined, { lockTimeoutMs });
  await expect(refused).rejects.toMatchObject({ code: 'INVALID_OPTION' });
});

test.each<[string, unknown]>([
  ['undefined', undefined],
  ['null', null],
  ['text', 'ünïcode "quoted"'],
  ['a number', -1.5e-7],
  ['a list', [1, [2, { three: null }]]],
])('a duplicate gets %s as it was', async (_, result) => {
  const { run } = operations();
  const once = () => participant.once(run, 'read committed', () => Promise.resolve(result));
  expect([await once(), await once()]).toEqual([
    { kind: 'executed', result },
    { kind: 'duplicate', result },
  ]);
});

test.each<[string, unknown]>([
  ['a Date', new Date(0)],
  ['a character 0', 'a\0b'],
  ['half a surrogate pair', '\ud800'],
])('a result that would not come back the same, %s, is refused and nothing is kept', async (_, result) => {
  const { gid, run } = operations();
  const refused = participant.once(run, 'read committed', async (client, undone) => {
    await effect(run)(client, undone);
    return result;
  });
  await expect(refused).rejects.toMatchObject({ code: 'PAYLOAD_NOT_JSON' });
  expect(await participant.effects(gid)).toEqual([]);
  expect((await deliver(run)).kind).toBe('executed');
});

test('nothing of failed work is kept, even if its error is caught and the transaction committed', async () => {
  const { gid, run } = operations();
  await onClient(async (client) => {
    await client.query('BEGIN');
    await expect(barrier(pgExecutor(client), run, () => Promise.reject(new Error('swallowed')))).rejects.toThrow('swallowed');
    await client.query('COMMIT');
  });
  expect((await deliver(run)).kind).toBe('executed');
  expect(await participant.net(gid)).toBe(1);
});

test('a savepoint of the caller keeps the rest of a transaction in which a barrier failed', async () => {
  const [failing, good] = [operations(), operations()];
  await onClient(async (client) => {
    await client.query('BEGIN; SAVEPOINT here');
    await expect(barrier(pgExecutor(client), failing.run, () => Promise.reject(new Error('refused')))).rejects.toThrow('refused');
    await client.query('ROLLBACK TO SAVEPOINT here');
    expect((await barrier(pgExecutor(client), good.run, () => Promise.resolve('done'))).kind).toBe('executed');
    await client.query('COMMIT');
  });
  expect([(await deliver(good.run)).kind, (await deliver(failing.run)).kind]).toEqual(['duplicate', 'executed']);
});

test("the transaction's own lock timeout holds again in the work and after it", async () => {
  const { run, compensate } = operations();
  await onClient(async (client) => {
    const timeout = async () => (await client.query<{ lock_timeout: string }>('SHOW lock_timeout')).rows[0]!.lock_timeout;
    await client.query(`SET lock_timeout = '7s'; BEGIN`);
    const seen: string[] = [];
    for (const call of [run, run, compensate]) {
      await barrier(pgExecutor(client), call, async () => void seen.push(await timeout()), { lockTimeoutMs: 100 });
      seen.push(await timeout());
    }
    await client.query('COMMIT');
    expect(seen).toEqual(['7s', '7s', '7s', '7s', '7s']);
  });
});

test('an executor without a transaction, or one that the work has ended, is noticed', async () => {
  await onClient(async (client) => {
    const loose = barrier(pgExecutor(client), operations().run, () => Promise.resolve(1));
    await expect(loose).rejects.toMatchObject({ code: 'INVALID_OPTION', message: expect.stringContaining('never to the pool') });
    await client.query('BEGIN');
    const ended = barrier(pgExecutor(client), operations().run, () => client.query('COMMIT').then(() => undefined));
    await expect(ended).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });
});

test('ten processes that install the barrier at once all succeed, in any schema, and keep what is there', async () => {
  await participant.pool.query('CREATE SCHEMA "Payments"');
  const { run } = operations();
  const table = { schema: 'Payments' };
  for (let round = 0; round < 2; round++) {
    await Promise.all(Array.from({ length: 10 }, () => installBarrier(pgExecutor(participant.pool), table)));
    const { kind } = await participant.once(run, 'read committed', undefined, table);
    expect(kind).toBe(['executed', 'duplicate'][round]);
  }
  await expect(installBarrier(pgExecutor(participant.pool), { schema: 'a"; DROP TABLE effects' })).rejects.toMatchObject({
    code: 'INVALID_OPTION',
  });
});
