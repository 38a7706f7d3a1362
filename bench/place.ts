import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runMigrations } from 'bullmq';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { findPostgres, startPostgres } from '../scripts/servers/postgres.mjs';
import { findRedis, startRedis } from '../scripts/servers/redis.mjs';
import type { BenchOptions } from './options.ts';

/** Where the runs take place: each finds it empty. */
export interface Place {
  /** An empty store's URL, or folder. */
  fresh(): Promise<string>;
  /** Memory that the data take, in bytes; `undefined` where that is not told. */
  usedBytes(): Promise<number | undefined>;
  close(): Promise<void>;
}

async function redisPlace(fsync: BenchOptions['fsync']): Promise<Place> {
  const binary = await findRedis();
  if (binary === undefined) throw new Error('there is no redis-server on PATH: install it (apt-get install redis-server)');
  const server = await startRedis(binary);
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
    async close() {
      redis.disconnect();
      await server.stop();
    },
  };
}

async function postgresPlace(): Promise<Place> {
  const where = await findPostgres();
  if (where === undefined) throw new Error('there is no PostgreSQL here: install it (apt-get install postgresql)');
  const server = await startPostgres(where, { fsync: 'on' }); // as in production: an acknowledged commit is on the disk
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
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

export function openPlace({ store, fsync }: Pick<BenchOptions, 'store' | 'fsync'>): Promise<Place> {
  if (store === 'redis') return redisPlace(fsync);
  return store === 'postgres' ? postgresPlace() : embeddedPlace();
}
