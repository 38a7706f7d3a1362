import { allCanaries, canaryIn } from '../connections/canary.ts';
import { openRedisServers } from '../connections/redis-servers.ts';
import { openRedisShards } from '../connections/redis-shards.ts';
import { createRedisBackends } from '../events/redis/backend.ts';
import { createRedisJournal } from '../journal/redis/redis-journal.ts';
import { shardedJournal } from '../journal/sharded-journal.ts';
import { redisBackend } from '../queues/redis-backend.ts';
import type { Store, StoreOptions } from './store.ts';

export async function openRedisStore(url: string, options: StoreOptions): Promise<Store> {
  const { namespace, limits, allowUnsafeRedis, storeTimeoutMs, log } = options;
  const onError = (error: Error): void => log.warn({ err: error }, 'redis connection');
  const servers = await openRedisServers(url, { onError, client: { socketTimeout: storeTimeoutMs } });
  try {
    for (const { warnings, ...found } of await servers.check({ allowUnsafe: allowUnsafeRedis })) {
      log.info(found, 'redis');
      for (const warning of warnings) log.warn(warning);
    }
    const { own, shards, settle } = await openRedisShards(servers, namespace, options.shards);
    const announceIn = servers.isCluster ? 'shard' : 'server';
    const journal = shardedJournal(shards.map(({ tag, redis }) => createRedisJournal({ redis, namespace: tag, announceIn })));
    const events = createRedisBackends({ redis: own, namespace, limits }, shards);
    return {
      kind: 'redis',
      inOrder: true,
      journal,
      events,
      canary: allCanaries(shards.map(({ tag, redis }) => canaryIn(redis, tag))),
      queues: shards.map(({ tag, redis }) => redisBackend(redis, tag)),
      ...(settle === undefined ? {} : { settleShards: settle }),
      async close() {
        await events.close();
        await journal.close();
        await servers.close();
      },
    };
  } catch (error) {
    servers.disconnect();
    throw error;
  }
}
