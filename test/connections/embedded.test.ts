import { cp, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPostgresBackend, Queue, runMigrations, Worker } from 'bullmq';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { openEmbedded, type EmbeddedStore } from '../../src/connections/embedded.ts';
import { FolderLock } from '../../src/connections/folder-lock.ts';
import { inTransaction, type SqlNotification, type SqlSession } from '../../src/connections/sql.ts';
import { eventually } from '../support/eventually.ts';
import { startHolder, type Holder } from './holder.ts';

/** The first start in a folder sets up a database: seconds of work, and more on a busy machine. */
const OPENING_MS = 120_000;

const folders: string[] = [];
async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'amends-embedded-'));
  folders.push(folder);
  return folder;
}

let template: string;
/** A folder in which the store was opened and closed before. */
async function usedFolder(): Promise<string> {
  const folder = await newFolder();
  await cp(template, folder, { recursive: true });
  return folder;
}

let folder: string;
let store: EmbeddedStore;
beforeAll(async () => {
  template = await newFolder();
  await openEmbedded({ folder: template }).then(({ close }) => close());
  folder = await usedFolder();
  store = await openEmbedded({ folder });
  await store.pool.query('CREATE TABLE numbers (n integer PRIMARY KEY)');
}, OPENING_MS);
afterAll(async () => {
  await store.close();
  for (const each of folders) await rm(each, { recursive: true, force: true });
});

const numbers = async (): Promise<number[]> =>
  (await store.pool.query<{ n: number }>('SELECT n FROM numbers ORDER BY n')).rows.map(({ n }) => n);

describe('a session of the embedded pool', () => {
  afterEach(() => store.pool.query('TRUNCATE numbers'));

  test('has the database to itself from BEGIN to COMMIT, and the others wait in order', async () => {
    const session = await store.pool.connect();
    await session.query('BEGIN');
    const ended: string[] = [];
    const others = [1, 2].map((n) => store.pool.query('SELECT 1').then(() => ended.push(`pool ${n}`)));
    const third = await store.pool.connect();
    others.push(third.query('SELECT 1').then(() => ended.push('session')));
    for (const n of [1, 2, 3]) await session.query('INSERT INTO numbers VALUES ($1)', [n]);
    expect(ended).toEqual([]);
    await session.query('COMMIT');
    await Promise.all(others);
    expect(ended).toEqual(['pool 1', 'pool 2', 'session']);
    expect(await numbers()).toEqual([1, 2, 3]);
    session.release();
    third.release();
  });

  test('keeps it after a failed statement, until the transaction is rolled back', async () => {
    const session = await store.pool.connect();
    await session.query('BEGIN');
    await session.query('INSERT INTO numbers VALUES (1)');
    await expect(session.query('SELECT 1 / $1::integer', [0])).rejects.toMatchObject({ code: '22012' });
    let others = 0;
    const other = store.pool.query('SELECT 1').then(() => others++);
    await expect(session.query('SELECT 1')).rejects.toMatchObject({ code: '25P02' });
    expect(others).toBe(0);
    await session.query('ROLLBACK');
    await other;
    expect(await numbers()).toEqual([]);
    session.release();
  });

  test('runs what is not awaited in the order of the calls', async () => {
    const session = await store.pool.connect();
    await Promise.all([
      session.query('BEGIN'),
      session.query('INSERT INTO numbers VALUES (1)'),
      session.query('DELETE FROM numbers'),
      session.query('INSERT INTO numbers VALUES (2)'),
      session.query('COMMIT'),
    ]);
    session.release();
    expect(await numbers()).toEqual([2]);
  });

  test('that is released with an open transaction rolls it back, and answers nothing any more', async () => {
    const session = await store.pool.connect();
    await session.query('BEGIN');
    await session.query('INSERT INTO numbers VALUES (1)');
    session.release();
    session.release();
    expect(await numbers()).toEqual([]);
    await expect(session.query('SELECT 1')).rejects.toMatchObject({ code: 'CLOSED' });
  });

  test('is not left in a transaction that was begun on the pool', async () => {
    await expect(store.pool.query('BEGIN; INSERT INTO numbers VALUES (1)')).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
    await expect(store.pool.query('BEGIN; SELECT 1 / 0')).rejects.toMatchObject({ code: '22012' });
    expect(await numbers()).toEqual([]);
  });

  test('that is idle in a transaction for 30 s loses it to those who wait: the pool is asked from inside it', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const nested = inTransaction(store.pool, async (tx) => {
        await tx.query('INSERT INTO numbers VALUES (1)');
        const asked = store.pool.query<{ n: number }>('SELECT n FROM numbers');
        vi.advanceTimersByTime(29_000);
        const early = await Promise.race([asked, tx.query('SELECT 1').then(() => 'waits')]);
        expect(early).toBe('waits');
        vi.advanceTimersByTime(30_000);
        expect((await asked).rows).toEqual([]);
      });
      await expect(nested).rejects.toMatchObject({ code: 'NOT_ALLOWED', message: expect.stringContaining('pass the session (tx)') });
    } finally {
      vi.useRealTimers();
    }
    expect(await numbers()).toEqual([]);
  });

  test('takes several statements in one text, and gives values as pg does', async () => {
    await store.pool.query('INSERT INTO numbers VALUES (1); INSERT INTO numbers VALUES (2)');
    expect(await numbers()).toEqual([1, 2]);
    const { rows, rowCount } = await store.pool.query(
      `SELECT 9007199254740993::bigint AS large, $1::jsonb AS json, timestamptz '2024-02-29 12:00Z' AS at, $2::text[] AS list, $3::text AS nothing`,
      [JSON.stringify({ a: [1] }), ['x,y', 'z"\\'], null],
    );
    expect(rowCount).toBe(1);
    const at = new Date('2024-02-29T12:00:00Z');
    expect(rows).toEqual([{ large: '9007199254740993', json: { a: [1] }, at, list: ['x,y', 'z"\\'], nothing: null }]);
  });
});

describe('notifications of the embedded pool', () => {
  const sessions: SqlSession[] = [];
  const listener = async (): Promise<{ session: SqlSession; heard: SqlNotification[] }> => {
    const session = await store.pool.connect();
    sessions.push(session);
    const heard: SqlNotification[] = [];
    session.on('notification', (message) => heard.push(message));
    return { session, heard };
  };
  const notify = (channel: string, payload: string) => store.pool.query('SELECT pg_notify($1, $2)', [channel, payload]);
  afterEach(() => sessions.splice(0).forEach((session) => session.release()));

  test('reach the sessions that listen on the channel, and no other', async () => {
    const [one, two, deaf] = [await listener(), await listener(), await listener()];
    await one.session.query('-- a comment, as in the files of BullMQ\nLISTEN Jobs;\n');
    await two.session.query('LISTEN jobs');
    await two.session.query('LISTEN "Other.Jobs"');
    await notify('jobs', 'a');
    await notify('Other.Jobs', 'b');
    await notify('Jobs', 'c');
    await eventually(() => expect(two.heard).toHaveLength(2));
    expect(two.heard).toEqual([
      { channel: 'jobs', payload: 'a' },
      { channel: 'Other.Jobs', payload: 'b' },
    ]);
    expect(one.heard).toEqual([{ channel: 'jobs', payload: 'a' }]);
    expect(deaf.heard).toEqual([]);
  });

  test('end with UNLISTEN and with the release, for that session only', async () => {
    const [one, two, three] = [await listener(), await listener(), await listener()];
    for (const { session } of [one, two, three]) await session.query('LISTEN jobs');
    await one.session.query('UNLISTEN jobs');
    two.session.release();
    await notify('jobs', 'a');
    await eventually(() => expect(three.heard).toEqual([{ channel: 'jobs', payload: 'a' }]));
    await three.session.query('UNLISTEN *');
    await notify('jobs', 'b');
    await three.session.query('LISTEN last');
    await notify('last', 'c');
    await eventually(() => expect(three.heard).toContainEqual({ channel: 'last', payload: 'c' }));
    expect([one.heard.length, two.heard.length, three.heard.length]).toEqual([0, 0, 2]);
  });

  test('of a transaction come when it commits, and never when it is rolled back', async () => {
    const { session, heard } = await listener();
    await session.query('LISTEN jobs');
    for (const end of ['ROLLBACK', 'COMMIT']) {
      const writer = await store.pool.connect();
      await writer.query('BEGIN');
      await writer.query('SELECT pg_notify($1, $2)', ['jobs', end]);
      expect(heard).toEqual([]);
      await writer.query(end);
      writer.release();
    }
    await eventually(() => expect(heard).toEqual([{ channel: 'jobs', payload: 'COMMIT' }]));
  });

  test('wake an idle worker of BullMQ at once', async () => {
    const connection = store.pool as never;
    const migrating = await store.pool.connect();
    await runMigrations(migrating);
    migrating.release();
    const processed: string[] = [];
    const process = async ({ id }: { id?: string | undefined }) => processed.push(id ?? '');
    // Without a notification it would look again after this many seconds.
    const worker = new Worker('idle', process, { connection, drainDelay: 3600 }, createPostgresBackend as never);
    const queue = new Queue('idle', { connection }, createPostgresBackend as never);
    try {
      await worker.waitUntilReady();
      for (const id of ['first', 'second', 'third']) {
        await queue.add('job', {}, { jobId: id });
        await eventually(() => expect(processed.at(-1)).toBe(id));
      }
    } finally {
      await worker.close();
      await queue.close();
    }
  });
});

describe('the folder of the embedded store', () => {
  const holders: Holder[] = [];
  const holder = async (of: string): Promise<Holder> => {
    const started = await startHolder(of);
    holders.push(started);
    return started;
  };
  afterEach(async () => {
    for (const each of holders.splice(0)) await each.kill();
  });

  test('is refused to a second process, which hears who holds it and what to do', async () => {
    const other = await holder(folder);
    const answer = await other.open();
    expect(answer).toMatchObject({ opened: false, code: 'STORE_LOCKED' });
    expect(answer.message).toMatch(new RegExp(`process ${process.pid} on .*AMENDS_URL to redis://… or postgres://…`));
  });

  test('is refused to a second open in the same process', async () => {
    await expect(openEmbedded({ folder })).rejects.toMatchObject({ code: 'STORE_LOCKED', details: { pid: process.pid } });
    expect(await numbers()).toEqual([]);
  });

  test(
    'is taken over from a killed process with all that was committed, by one of those who try',
    async () => {
      const shared = await usedFolder();
      const first = await holder(shared);
      expect(await first.open()).toEqual({ opened: true });
      await first.kill();

      const rivals = await Promise.all([1, 2, 3].map(() => holder(shared)));
      const answers = await Promise.all(rivals.map((rival) => rival.open()));
      const winner = rivals[answers.findIndex(({ opened }) => opened)]!;
      expect(answers.filter(({ opened }) => opened)).toHaveLength(1);
      for (const { code } of answers.filter(({ opened }) => !opened)) expect(code).toBe('STORE_LOCKED');

      await winner.close();
      const { pool, close } = await openEmbedded({ folder: shared });
      const { rows } = await pool.query('SELECT pid FROM holders ORDER BY ctid');
      expect(rows).toEqual([{ pid: first.pid }, { pid: winner.pid }]);
      await close();
    },
    OPENING_MS,
  );

  test(
    'is set up anew when the process died in the middle of the first start',
    async () => {
      const half = await usedFolder();
      await rm(join(half, 'complete'));
      await rm(join(half, 'data', 'global'), { recursive: true });
      const { pool, close } = await openEmbedded({ folder: half });
      expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
      await close();
    },
    OPENING_MS,
  );

  test(
    'is free after close, which may be called twice and ends what is open',
    async () => {
      const own = await usedFolder();
      const first = await openEmbedded({ folder: own });
      await first.pool.query('CREATE TABLE kept (n integer)');
      const session = await first.pool.connect();
      await session.query('BEGIN');
      await session.query('INSERT INTO kept VALUES (1)');
      const accepted = first.pool.query<{ count: number }>('SELECT count(*)::integer AS count FROM kept');
      await Promise.all([first.close(), first.close()]);
      expect((await accepted).rows).toEqual([{ count: 0 }]);
      await expect(session.query('COMMIT')).rejects.toMatchObject({ code: 'CLOSED' });
      await expect(first.pool.query('SELECT 1')).rejects.toMatchObject({ code: 'CLOSED' });
      await expect(first.pool.connect()).rejects.toMatchObject({ code: 'CLOSED' });

      const notices: string[] = [];
      const second = await openEmbedded({ folder: own, onNotice: (message) => notices.push(message) });
      expect((await second.pool.query('SELECT * FROM kept')).rows).toEqual([]);
      expect(notices).toEqual([expect.stringMatching(/for one process.*AMENDS_URL/)]);
      await second.pool.end();
    },
    OPENING_MS,
  );

  test('that holds no database any more is refused with a way out', async () => {
    const broken = await newFolder();
    await writeFile(join(broken, 'complete'), '');
    await writeFile(join(broken, 'data'), 'not a folder');
    await expect(openEmbedded({ folder: broken })).rejects.toMatchObject({
      code: 'STORE_CORRUPT',
      message: expect.stringContaining('move the folder away'),
    });
    const lock = await FolderLock.acquire(broken, vi.fn(), vi.fn());
    lock.release();
  });
});

describe('the upkeep of the embedded store', () => {
  test('writes checkpoints and clears dead rows, which no background process does', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { pool, close } = await openEmbedded({ folder: await usedFolder() });
    try {
      const facts = async () =>
        (
          await pool.query<{ checkpoint: string; bytes: number }>(
            "SELECT redo_lsn::text AS checkpoint, pg_table_size('busy')::integer AS bytes FROM pg_control_checkpoint()",
          )
        ).rows[0]!;
      await pool.query('CREATE TABLE busy (n integer PRIMARY KEY, text text)');
      await pool.query("INSERT INTO busy SELECT n, repeat('x', 600) FROM generate_series(1, 60000) AS n");
      await pool.query('DELETE FROM busy');
      const before = await facts();
      expect(before.bytes).toBeGreaterThan(2 ** 25);
      await eventually(async () => {
        vi.advanceTimersByTime(15_000);
        const after = await facts();
        expect(after.checkpoint).not.toBe(before.checkpoint);
        expect(after.bytes).toBeLessThan(before.bytes / 10);
      });
    } finally {
      vi.useRealTimers();
      await close();
    }
  });
});

describe('the lock of a folder', () => {
  const heldFile = async (of: string): Promise<string> =>
    join(
      of,
      (await readdir(of)).find((name) => name.startsWith('lock.'))!,
    );

  test('of twenty who try at once goes to one', async () => {
    const contended = await newFolder();
    for (let round = 0; round < 5; round++) {
      const settled = await Promise.allSettled(Array.from({ length: 20 }, () => FolderLock.acquire(contended, vi.fn(), vi.fn())));
      const winners = settled.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
      expect(winners).toHaveLength(1);
      winners[0]!.release();
      winners[0]!.release();
    }
    expect((await readdir(contended)).length).toBe(1);
  });

  test('is not held by a process that only got the same number', async () => {
    const reused = await newFolder();
    const lock = await FolderLock.acquire(reused, vi.fn(), vi.fn());
    const file = await heldFile(reused);
    const holder = JSON.parse(await readFile(file, 'utf8'));
    lock.release();
    // Where the system does not tell when a process started, a number that nobody has must do.
    const dead = holder.processStart === null ? { pid: 2 ** 22 + 1 } : { processStart: '1' };
    await writeFile(file, JSON.stringify({ ...holder, ...dead }));
    const taken = await FolderLock.acquire(reused, vi.fn(), vi.fn());
    expect(await heldFile(reused)).not.toBe(file);
    taken.release();
  });

  test('of another machine is respected while its holder gives signs of life', async () => {
    const remote = await newFolder();
    const lock = await FolderLock.acquire(remote, vi.fn(), vi.fn());
    const file = await heldFile(remote);
    const holder = JSON.parse(await readFile(file, 'utf8'));
    lock.release();
    await writeFile(file, JSON.stringify({ ...holder, machine: 'elsewhere', host: 'elsewhere', pid: 7 }));
    let seconds = 1;
    const heartbeat = setInterval(() => void utimes(file, seconds, seconds++), 100);
    const waiting = vi.fn<(message: string) => void>();
    try {
      await expect(FolderLock.acquire(remote, waiting, vi.fn())).rejects.toMatchObject({
        code: 'STORE_LOCKED',
        details: { pid: 7, host: 'elsewhere' },
      });
      expect(waiting).toHaveBeenCalledWith(expect.stringContaining('process 7 on elsewhere'));
    } finally {
      clearInterval(heartbeat);
    }
  });

  test('that was taken away is noticed by its holder', async () => {
    const stolen = await newFolder();
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      const onLost = vi.fn<(error: Error) => void>();
      const lock = await FolderLock.acquire(stolen, vi.fn(), onLost);
      vi.advanceTimersByTime(10_000);
      expect(onLost).not.toHaveBeenCalled();
      await rm(await heldFile(stolen));
      vi.advanceTimersByTime(10_000);
      expect(onLost).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: 'STORE_LOCKED' }));
      lock.release();
    } finally {
      vi.useRealTimers();
    }
  });
});
