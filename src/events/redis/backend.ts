import type { RedisShard } from '../../connections/redis-shards.ts';
import type { EventBackend } from '../backend.ts';
import { NO_INLINE } from '../inline-projection.ts';
import { createRedisEventStore, type RedisEventStoreOptions } from './redis-event-store.ts';
import { createRedisLog } from './redis-log.ts';
import { createRedisSubscriptions } from './redis-subscriptions.ts';
import { createRedisProjections } from './redis-projections.ts';
import { createRedisSnapshots } from './snapshots.ts';
import { createRedisSubjectKeys } from './subject-keys.ts';
import { createRedisTransfer } from './transfer.ts';

function createRedisBackend(options: RedisEventStoreOptions): EventBackend {
  const { redis, namespace } = options;
  const log = createRedisLog(options);
  return {
    store: createRedisEventStore(options),
    log,
    snapshots: createRedisSnapshots(redis, namespace),
    subjectKeys: createRedisSubjectKeys(redis, namespace),
    subscriptions: createRedisSubscriptions(options),
    projections: createRedisProjections(options),
    inline: NO_INLINE,
    transfer: createRedisTransfer(redis, namespace),
    close: () => log.close(),
  };
}

/** The same with the backends of the shards, where the transactions of the namespace are divided among several. */
export function createRedisBackends(options: RedisEventStoreOptions, shards: readonly RedisShard[]): EventBackend {
  const own = createRedisBackend(options);
  if (shards.length === 1) return own;
  const theirs = shards.map(({ tag, redis }) => createRedisBackend({ ...options, redis, namespace: tag }));
  return {
    ...own,
    shards: theirs,
    async close() {
      await Promise.all([own, ...theirs].map((backend) => backend.close()));
    },
  };
}
