import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runMigrations } from 'bullmq';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { found } from '../scripts/servers/packages.mjs';
import { findPostgres, startPostgres } from '../scripts/servers/postgres.mjs';
import { run } from '../scripts/servers/process.mjs';
import { findRedis, startRedis } from '../scripts/servers/redis.mjs';
import type { BenchOptions } from './options.ts';

/** Where the runs take place: each finds it empty. */
export interface Place {
  /** An empty store's URL, or folder. */
  fresh(): Promise<string>;
  /** Memory that the data take, in bytes; `undefined` where that is not told. */
  usedBytes(): Promise<number | undefined>;
  /** The processes that the store consists of now; none where it is the run's own. */
  pids(): Promise<readonly number[]>;
  close(): Promise<void>;
}

async function numbersOf(command: string, args: readonly string[]): Promise<number[]> {
  return (await run(command, args)).trim().split(/\s+/).map(Number);
}

async function redisPlace(fsync: BenchOptions['fsync']): Promise<Place> {
  const server = await startRedis(await found('redis', findRedis));
  const redis = new Redis(server.url, { replyMapping: 'legacy' });
  if (fsync === 'none') await redis.config('SET', 'appendonly', 'no');
  else await redis.config('SET', 'appendfsync', fsync);
  return {
    async fresh() {
      await redis.flushall();
      return server.url;
    },
    async usedBytes() {
      return Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]);
    },
    async pids() {
      return [Number(/process_id:(\d+)/.exec(await redis.info('server'))?.[1])];
    },
    async close() {
      redis.disconnect();
      await server.stop();
    },
  };
}

async function postgresPlace(): Promise<Place> {
  const server = await startPostgres(await found('postgres', findPostgres), { fsync: 'on' }); // as in production: an acknowledged commit is on the disk
  const admin = new Client({ connectionString: server.url });
  await admin.connect();
  let made = 0;
  return {
    async fresh() {
      const name = `bench_${++made}`;
      await admin.query(`CREATE DATABASE ${name}`);
      if (made > 1) await admin.query(`DROP DATABASE bench_${made - 1} WITH (FORCE)`);
      const url = new URL(server.url);
      url.pathname = `/${name}`;
      const client = new Client({ connectionString: url.href });
      await client.connect();
      await runMigrations(client);
      await client.end();
      return url.href;
    },
    usedBytes: () => Promise.resolve(undefined),
    async pids() {
      const { rows } = await admin.query<{ readonly pid: number }>('SELECT pg_backend_pid() AS pid');
      const [first] = await numbersOf('ps', ['-o', 'ppid=', '-p', String(rows[0]!.pid)]);
      return [first!, ...(await numbersOf('ps', ['-o', 'pid=', '--ppid', String(first)]))];
    },
    async close() {
      await admin.end();
      await server.stop();
    },
  };
}

async function embeddedPlace(): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'amends-bench-'));
  let made = 0;
  return {
    fresh: () => Promise.resolve(join(folder, String(++made))),
    usedBytes: () => Promise.resolve(undefined),
    pids: () => Promise.resolve([]),
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

export function openPlace({ store, fsync }: Pick<BenchOptions, 'store' | 'fsync'>): Promise<Place> {
  if (store === 'redis') return redisPlace(fsync);
  return store === 'postgres' ? postgresPlace() : embeddedPlace();
}
