import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openPostgres, type PostgresPool } from '../../src/connections/postgres.ts';
import { giveUpUnlessHeard } from '../../src/connections/silence.ts';
import { FaultProxy } from '../faults/proxy.ts';
import { serverUrl } from '../support/server-url.ts';

let pool: PostgresPool;
beforeAll(async () => {
  pool = await openPostgres(serverUrl('DATABASE_URL'));
});
afterAll(() => pool.end());

test('a session that falls silent in the middle of a transaction loses its locks', async () => {
  const silent = await pool.connect();
  const ended = new Promise<Error>((resolve) => silent.on('error', resolve));
  await silent.query('BEGIN');
  await silent.query('SELECT pg_advisory_xact_lock(4242)');
  // Nothing more is heard of it, as when its connection is half open. Waits until the lock is free.
  await pool.query('SELECT pg_advisory_lock(4242), pg_advisory_unlock(4242)');
  expect(await ended).toMatchObject({ code: '25P03' });
  silent.release(true);
});

describe('with a limit on how long a statement may go unanswered', () => {
  let proxy: FaultProxy;
  let limited: PostgresPool;
  beforeEach(async () => {
    proxy = await FaultProxy.before(serverUrl('DATABASE_URL'));
    limited = await openPostgres(proxy.url, { answerTimeoutMs: 300 });
  });
  afterEach(async () => {
    await limited.end();
    await proxy.close();
  });

  test('a statement on a half-open session is rejected, and the next one finds a new session', async () => {
    proxy.halfOpen();
    await expect(limited.query('SELECT 1')).rejects.toMatchObject({ code: 'ETIMEDOUT' });
    expect((await limited.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });

  test('so it is for one that was checked out: whoever uses it hears of it, and it does not come back', async () => {
    const session = await limited.connect();
    await session.query('BEGIN');
    proxy.halfOpen();
    await expect(session.query('SELECT 1')).rejects.toMatchObject({ code: 'ETIMEDOUT' });
    await expect(session.query('ROLLBACK')).rejects.toThrow('not queryable');
    session.release();
    expect((await limited.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });

  test('a session without a statement in work is left alone, however long', async () => {
    const session = await limited.connect();
    const heard = new Promise((resolve) => session.on('notification', resolve));
    await session.query('LISTEN nothing_much');
    await pool.query("SELECT pg_sleep(1), pg_notify('nothing_much', '')");
    await expect(heard).resolves.toMatchObject({ channel: 'nothing_much' });
    session.release();
  });
});

describe('for one who wants to close', () => {
  let proxy: FaultProxy;
  let proxied: PostgresPool;
  beforeEach(async () => {
    proxy = await FaultProxy.before(serverUrl('DATABASE_URL'));
    proxied = await openPostgres(proxy.url);
  });
  afterEach(async () => {
    if (!proxied.ended) await proxied.end();
    await proxy.close();
  });

  test('what a frozen server left unanswered is given up: a statement, and a login', async () => {
    proxy.freeze();
    const waiting = Promise.allSettled([proxied.query('SELECT 1'), proxied.query('SELECT 2')]);
    await giveUpUnlessHeard(proxied);
    expect((await waiting).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });

  test('a statement that takes long is left alone when the server is heard', async () => {
    const slow = proxied.query('SELECT pg_sleep(4), 1 AS one');
    await delay(3_200);
    await giveUpUnlessHeard(proxied);
    expect((await slow).rows).toMatchObject([{ one: 1 }]);
  });

  test('the pool ends without the login that a frozen server does not answer', async () => {
    const held = await proxied.connect();
    proxy.freeze();
    const login = proxied.connect();
    held.release(true);
    await Promise.all([proxied.end(), expect(login).rejects.toThrow('no answer within 3000 ms')]);
  }, 8_000);
});
