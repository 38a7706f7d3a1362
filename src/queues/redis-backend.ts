import type { Redis } from 'ioredis';
import type { QueueBackend } from './backend.ts';

/** BullMQ on Redis. The hash tag keeps all queues of a namespace in one slot of a cluster. */
export function redisBackend(redis: Redis, namespace: string): QueueBackend {
  return {
    connection: redis,
    prefix: `{${namespace}}`,
    factory: undefined,
    queuePrefix: '',
    forWorker() {
      // A producer fails fast when Redis is away; a worker waits until it is back, and BullMQ refuses one that would not.
      const connection = redis.duplicate({ maxRetriesPerRequest: null });
      connection.on('error', () => undefined); // told by the worker's own 'error' event
      return {
        connection,
        async release() {
          await connection.quit().catch(() => connection.disconnect());
        },
      };
    },
  };
}
