import { createRedisBackend } from 'bullmq';
import type { Redis } from 'ioredis';
import { closeRedis, disconnectUnlessHeard } from '../connections/redis.ts';
import { gather } from '../connections/redis-settling.ts';
import type { QueueBackend, Retention } from './backend.ts';

/** A worker's blocking wait for a job lasts up to 10 s by itself. */
const SHORTEST_TIMEOUT_MS = 15_000;

/** Kept for Bull Board, and so that a racing second add of the same job is a no-op. Of those that failed: until somebody has looked. */
const RETENTION: Retention = {
  removeOnComplete: { age: 3_600, count: 1_000 },
  removeOnFail: { age: 7 * 24 * 3_600, count: 10_000 },
};

/** BullMQ on Redis. The hash tag keeps all queues of a namespace in one slot of a cluster. */
export function redisBackend(redis: Redis, namespace: string): QueueBackend {
  return {
    connection: redis,
    prefix: `{${namespace}}`,
    factory: createRedisBackend,
    queuePrefix: '',
    atomicFlows: false,
    retention: RETENTION,
    writeTogether() {
      const { stream } = redis;
      if (redis.status !== 'ready' || stream.writableCorked > 0) return;
      stream.cork();
      process.nextTick(() => stream.uncork());
    },
    forWorker() {
      // A producer fails fast when Redis is away; a worker waits until it is back, and BullMQ refuses one that would not.
      const family = new Set<Redis>();
      const socketTimeout = Math.max(redis.options.socketTimeout ?? 0, SHORTEST_TIMEOUT_MS);
      const connection = gather(redis.duplicate({ maxRetriesPerRequest: null, socketTimeout }), family);
      connection.on('error', () => undefined); // told by the worker's own 'error' event
      return {
        connection,
        async giveUp() {
          await Promise.all([...family].map((copy) => disconnectUnlessHeard(copy)));
        },
        async release() {
          await closeRedis(connection);
        },
      };
    },
  };
}
