import type { Redis } from 'ioredis';

/** Of the client, but not in its types. */
interface Inside {
  /** What was sent over a connection that was lost, to be sent again over the next one. */
  prevCommandQueue?: { shift(): { command: { reject(error: Error): void } } | undefined } | null;
  flushQueue(error: Error, options?: { readonly commandQueue?: boolean }): void;
}

/**
 * Mends two ways in which ioredis 6.0 leaves commands waiting for ever, in this connection and in all copies of it. Told to disconnect while it
 * waits to reconnect, it stops its timer and neither rejects what is queued nor emits `end`, on which BullMQ waits (redis/ioredis#1830). And
 * when it gives up, or ends, it forgets what had been sent over a connection that was lost (redis/ioredis#2197).
 */
export function settling(redis: Redis): Redis {
  const disconnect = redis.disconnect.bind(redis);
  redis.disconnect = (reconnect = false) => {
    // As a client that was not told to connect yet: there `disconnect` settles what waits in its queue, and emits.
    if (redis.status === 'reconnecting' && !reconnect) redis.status = 'wait';
    disconnect(reconnect);
  };
  const inside = redis as unknown as Inside;
  const flushQueue = inside.flushQueue.bind(redis);
  inside.flushQueue = (error, options) => {
    flushQueue(error, options);
    if (options?.commandQueue === false) return;
    for (let sent; (sent = inside.prevCommandQueue?.shift()) !== undefined;) sent.command.reject(error);
  };
  const duplicate = redis.duplicate.bind(redis);
  redis.duplicate = (override) => settling(duplicate(override));
  return redis;
}

/** Adds a connection to `family`, and every copy that is made of it from now on. */
export function gather(redis: Redis, family: Set<Redis>): Redis {
  family.add(redis);
  const duplicate = redis.duplicate.bind(redis);
  redis.duplicate = (override) => gather(duplicate(override), family);
  return redis;
}
