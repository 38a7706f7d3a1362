import { checkRedis, closeRedis, openRedis } from '../connections/redis.ts';
import { createRedisBackend } from '../events/redis/backend.ts';
import { createRedisJournal } from '../journal/redis/redis-journal.ts';
import { redisBackend } from '../queues/redis-backend.ts';
import type { Store, StoreOptions } from './store.ts';

export async function openRedisStore(
  url: string,
  { namespace, limits, allowUnsafeRedis, storeTimeoutMs, log }: StoreOptions,
): Promise<Store> {
  const onError = (error: Error): void => log.warn({ err: error }, 'redis connection');
  const redis = await openRedis(url, { onError, client: { socketTimeout: storeTimeoutMs } });
  try {
    const { warnings, ...found } = await checkRedis(redis, { allowUnsafe: allowUnsafeRedis });
    log.info(found, 'redis');
    for (const warning of warnings) log.warn(warning);
  } catch (error) {
    redis.disconnect();
    throw error;
  }
  const journal = createRedisJournal({ redis, namespace });
  const events = createRedisBackend({ redis, namespace, limits });
  return {
    kind: 'redis',
    journal,
    events,
    queues: redisBackend(redis, namespace),
    async close() {
      await events.close();
      await journal.close();
      await closeRedis(redis);
    },
  };
}
