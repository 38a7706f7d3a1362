import type { Redis } from 'ioredis';
import { openRedis } from '../../src/connections/redis.ts';
import { shardTags } from '../../src/connections/shards.ts';
import { createRedisBackends } from '../../src/events/redis/backend.ts';
import { withoutTransactions } from '../../src/events/shards.ts';
import { createRedisJournal } from '../../src/journal/redis/redis-journal.ts';
import { shardedJournal } from '../../src/journal/sharded-journal.ts';
import type { Place } from './place.ts';
import { serverUrl } from './server-url.ts';

async function keysOf(redis: Redis, namespace: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const some of redis.scanStream({ match: `*${namespace}*`, count: 1000 })) keys.push(...(some as string[]));
  return keys;
}

/** A key's whole value, whatever its type, as text. */
async function contentOf(redis: Redis, key: string): Promise<string> {
  const read: Record<string, () => Promise<unknown>> = {
    string: () => redis.get(key),
    hash: () => redis.hgetall(key),
    set: () => redis.smembers(key),
    zset: () => redis.zrange(key, '0', '-1'),
    list: () => redis.lrange(key, 0, -1),
    stream: () => redis.xrange(key, '-', '+'),
  };
  return JSON.stringify(await read[await redis.type(key)]?.());
}

/** A namespace of its own on the server of REDIS_URL. With several shards its journal is divided among them; its events are not. */
export async function createRedisPlace(namespace: string, shards = 1): Promise<Place> {
  const url = serverUrl('REDIS_URL');
  const admin = await openRedis(url, { connectionName: 'amends-test' });
  return {
    url,
    description: `keys *${namespace}* of the Redis of REDIS_URL`,

    async open(name) {
      const redis = await openRedis(url, { connectionName: namespace });
      const tags = shardTags(name, shards);
      const journal = shardedJournal(tags.map((tag) => createRedisJournal({ redis, namespace: tag })));
      const backend = createRedisBackends(
        { redis, namespace: name },
        tags.map((tag) => ({ tag, redis })),
      );
      return {
        events: withoutTransactions(backend).store,
        backend,
        journal,
        async close() {
          await backend.close();
          await journal.close();
          await redis.quit();
        },
      };
    },

    async serverTimeMs() {
      const [seconds, microseconds] = await admin.time();
      return Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000);
    },

    async traces(text) {
      const keys = await keysOf(admin, namespace);
      const found = await Promise.all(keys.map(async (key) => key.includes(text) || (await contentOf(admin, key)).includes(text)));
      return keys.filter((_key, i) => found[i]);
    },

    async cutListeners() {
      const clients = String(await admin.call('CLIENT', 'LIST', 'TYPE', 'pubsub')).split('\n');
      const ours = clients.filter((line) => line.includes(`name=${namespace}`)).map((line) => /id=(\d+)/.exec(line)![1]!);
      for (const id of ours) await admin.call('CLIENT', 'KILL', 'ID', id);
      return ours.length;
    },

    async end({ keep }) {
      const keys = keep ? [] : await keysOf(admin, namespace);
      for (let i = 0; i < keys.length; i += 1000) await admin.unlink(...keys.slice(i, i + 1000));
      await admin.quit();
    },
  };
}
