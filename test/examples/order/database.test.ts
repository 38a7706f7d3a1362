import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defineTables, openServiceDatabase, type ServiceDatabase } from '../../../examples/order/database.ts';
import { lockFolder } from '../../../examples/order/folder-lock.ts';
import { OPENING_MS, openDatabase, stores } from './stores.ts';

describe.each(stores)('a service database on $store', (store) => {
  let database: ServiceDatabase;
  beforeAll(async () => {
    database = await openDatabase(store, 'orders');
    await defineTables(database, ['create table if not exists notes (n bigint primary key, body jsonb)']);
  }, OPENING_MS);
  afterAll(() => database?.drop());

  it('gives sums as numbers and JSON as values', async () => {
    await database.query('insert into notes values ($1, $2::jsonb)', [2 ** 40, JSON.stringify({ a: ['b', null] })]);
    const rows = await database.query('select sum(n)::bigint as sum, count(*) as count, min(body::text)::jsonb as body from notes');
    expect(rows).toEqual([{ sum: 2 ** 40, count: 1, body: { a: ['b', null] } }]);
    await database.query('delete from notes');
  });

  it('keeps all of a transaction or nothing', async () => {
    const failing = database.transaction(async (sql) => {
      await sql.query('insert into notes values (1, null)');
      throw new Error('second thoughts');
    });
    await expect(failing).rejects.toThrow('second thoughts');
    expect(await database.query('select * from notes')).toEqual([]);
    await database.transaction((sql) => sql.query('insert into notes values (2, null)'));
    expect(await database.query('select n from notes')).toEqual([{ n: 2 }]);
  });

  it('creates tables that several want to create', async () => {
    await Promise.all(Array.from({ length: 5 }, () => defineTables(database, ['create table if not exists shared (n int)'])));
    expect(await database.query('select * from shared')).toEqual([]);
  });
});

describe('the folder of an embedded database', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'amends-folder-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it(
    'belongs to one process, is kept when closed and gone when dropped',
    async () => {
      const place = join(folder, 'kept');
      const first = await openServiceDatabase('orders', { folder: place });
      await expect(openServiceDatabase('orders', { folder: place })).rejects.toMatchObject({
        code: 'STORE_LOCKED',
        message: expect.stringContaining('set ORDER_DATABASE_URL'),
      });
      await first.query('create table kept (n int)');
      await first.close();
      await first.close();
      const second = await openServiceDatabase('orders', { folder: place });
      expect(await second.query('select * from kept')).toEqual([]);
      await second.drop();
      expect(await readdir(folder)).not.toContain('kept');
    },
    OPENING_MS,
  );

  it('is refused while another process has it, and taken over when that one is gone', async () => {
    const place = join(folder, 'taken');
    await mkdir(place);
    const lock = join(place, 'order-example.lock');
    await writeFile(lock, String(process.ppid));
    await expect(lockFolder(place)).rejects.toThrow(`in use by process ${process.ppid}`);
    await writeFile(lock, '999999999');
    const unlock = await lockFolder(place);
    await unlock();
    expect(await readdir(place)).toEqual([]);
  });
});

describe('the URL of a database server', () => {
  it('must lead to one', async () => {
    // A port that was just free: nobody listens there.
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    await expect(openServiceDatabase('payments', { url: `postgres://u:secret@127.0.0.1:${port}/x` })).rejects.toMatchObject({
      code: 'STORE_UNREACHABLE',
      message: expect.stringMatching(/service "payments" can't open its database \(.*ECONNREFUSED(?!.*secret)/),
    });
  });

  it('must be one of PostgreSQL, and the schema a plain name', async () => {
    await expect(openServiceDatabase('payments', { url: 'redis://localhost' })).rejects.toThrow('needs a postgres:// URL');
    await expect(openServiceDatabase('payments', { url: 'postgres://localhost', schema: 'a; drop' })).rejects.toThrow('schema "a; drop"');
  });
});
