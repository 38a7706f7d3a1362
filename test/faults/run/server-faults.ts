import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { SLOTS } from './books.ts';
import { SERVICES } from './orders.ts';
import type { OwnServer } from './own-server.ts';
import type { Random } from './random.ts';
import { type Fault, type Scene } from './scene.ts';
import { until } from './waiting.ts';

async function dieAndComeBack(server: OwnServer, signal: NodeJS.Signals, random: Random, scene: Scene, name: string): Promise<number> {
  const awayMs = random.int(200, 2_500);
  const ended = await server.end(signal);
  scene.say(`${name}: ${signal}, away for ${awayMs} ms`);
  await delay(awayMs);
  await server.start();
  return ended ? 1 : 0;
}

/** Asks something of Redis, past everything. */
async function askRedis<T>({ url }: OwnServer, ask: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url);
  redis.on('error', () => undefined); // what fails tells it
  try {
    return await ask(redis);
  } finally {
    redis.disconnect();
  }
}

const hasRedis = ({ redis }: Scene): boolean => redis !== undefined;
const hasPostgres = ({ postgres }: Scene): boolean => postgres !== undefined;

/** A session that locks the hot rows in any order for as long as it takes, as a careless report would. */
async function storm(url: string, random: Random, over: () => boolean): Promise<void> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    while (!over()) {
      const service = random.pick(SERVICES);
      const [first, second] = random.shuffle(Array.from({ length: SLOTS }, (_, slot) => slot));
      try {
        await client.query('BEGIN ISOLATION LEVEL SERIALIZABLE');
        await client.query(`UPDATE ${service}.balance SET amount = amount WHERE slot = $1`, [first]);
        await delay(15);
        await client.query(`UPDATE ${service}.balance SET amount = amount WHERE slot = $1`, [second]);
        await client.query('COMMIT');
      } catch {
        await client.query('ROLLBACK'); // it lost, which is what it is for
      }
      await delay(5);
    }
  } catch {
    // The server went away.
  } finally {
    await client.end();
  }
}

export const SERVER_FAULTS: readonly Fault[] = [
  {
    name: 'redis-killed',
    company: 'bears',
    on: hasRedis,
    takesMs: () => 1_800,
    fire: (scene, random) => dieAndComeBack(scene.redis!, 'SIGKILL', random, scene, 'redis-killed'),
  },
  {
    name: 'redis-out-of-memory',
    company: 'bears',
    on: hasRedis,
    takesMs: () => 3_500,
    async fire(scene, random) {
      const refused = (): Promise<number> =>
        askRedis(scene.redis!, async (redis) => Number(/errorstat_OOM:count=(\d+)/.exec(await redis.info('errorstats'))?.[1] ?? 0));
      const before = await refused();
      await askRedis(scene.redis!, (redis) => redis.config('SET', 'maxmemory', '1mb'));
      scene.say('redis-out-of-memory');
      await delay(random.int(2_000, 4_000));
      await askRedis(scene.redis!, (redis) => redis.config('SET', 'maxmemory', '0'));
      return (await refused()) > before ? 1 : 0;
    },
  },
  {
    name: 'redis-disk-full',
    company: 'bears',
    on: ({ redis }) => redis?.disk !== undefined,
    takesMs: () => 3_500,
    async fire(scene, random) {
      const { redis } = scene;
      await redis!.disk!.fill();
      scene.say('redis-disk-full');
      // With appendfsync always it gives up rather than acknowledge what it can't keep.
      const gaveUp = await until(() => !redis!.running, { timeoutMs: 5_000, stopping: scene.stopping });
      await delay(random.int(500, 2_000));
      await redis!.disk!.free();
      await redis!.start();
      return gaveUp ? 1 : 0;
    },
  },
  {
    name: 'redis-flushed',
    company: 'bears',
    on: ({ store, redis }) => store === 'redis+postgres' && redis !== undefined,
    takesMs: () => 500,
    async fire(scene) {
      const keys = await askRedis(scene.redis!, async (redis) => {
        const held = await redis.dbsize();
        await redis.flushall();
        return held;
      });
      scene.say(`redis-flushed: ${keys} keys are gone`);
      return keys > 0 ? 1 : 0;
    },
  },
  {
    name: 'postgres-killed',
    company: 'bears',
    on: hasPostgres,
    takesMs: () => 3_000,
    fire: (scene, random) => dieAndComeBack(scene.postgres!, random.pick(['SIGKILL', 'SIGQUIT']), random, scene, 'postgres-killed'),
  },
  {
    name: 'postgres-restarted',
    company: 'bears',
    on: hasPostgres,
    takesMs: () => 2_500,
    fire: (scene, random) => dieAndComeBack(scene.postgres!, 'SIGINT', random, scene, 'postgres-restarted'),
  },
  {
    name: 'postgres-disk-full',
    company: 'bears',
    on: ({ postgres }) => postgres?.disk !== undefined,
    takesMs: () => 5_000,
    async fire(scene, random) {
      const { postgres, books } = scene;
      await postgres!.disk!.fill();
      scene.say('postgres-disk-full');
      // A table that grows is the first to hear of it.
      const refused = await until(
        async () => {
          try {
            await books.query(`CREATE TABLE IF NOT EXISTS filler AS SELECT repeat('x', 500) FROM generate_series(1, 20000)`);
            await books.query(`INSERT INTO filler SELECT repeat('x', 500) FROM generate_series(1, 20000)`);
            return false;
          } catch {
            return true;
          }
        },
        { timeoutMs: 5_000, stopping: scene.stopping },
      );
      await delay(random.int(500, 2_000));
      await postgres!.disk!.free();
      await postgres!.start(); // it may have given up
      await books.query('DROP TABLE IF EXISTS filler').catch(() => undefined);
      return refused ? 1 : 0;
    },
  },
  {
    name: 'books-deadlocks',
    company: 'bears',
    takesMs: () => 4_000,
    async fire(scene, random) {
      const before = scene.fleet.conflicts;
      let over = false;
      scene.fleet.storm(true);
      const sessions = Array.from({ length: 3 }, () => storm(scene.booksUrl, random, () => over));
      await until(() => scene.fleet.conflicts - before >= 10, { timeoutMs: 4_000, stopping: scene.stopping });
      over = true;
      scene.fleet.storm(false);
      await Promise.all(sessions);
      const conflicts = scene.fleet.conflicts - before;
      scene.say(`books-deadlocks: ${conflicts} transactions of workers rolled back`);
      return conflicts;
    },
  },
];
