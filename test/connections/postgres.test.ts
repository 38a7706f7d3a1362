import { afterAll, beforeAll, expect, test } from 'vitest';
import { openPostgres, type PostgresPool } from '../../src/connections/postgres.ts';
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
