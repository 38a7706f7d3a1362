import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { reachable } from '../../connections/redis.ts';
import type { PulseSource } from '../log-pulse.ts';

/** Events often come in a row: so many are taken at once. */
const LINGER_MS = 5;
/** Seconds until it looks by itself: another process may have numbered an event just before this one began to wait. */
const LONGEST_S = 1;

export interface LogSleep extends PulseSource {
  close(): void;
}

/** Waiting for events in Redis, by a blocking command on a connection of its own. */
export function logSleep(redis: Redis, root: string): LogSleep {
  const pending = `${root}log:pending`;
  let connection: Redis | undefined;

  const blocking = (): Redis => {
    if (connection !== undefined) return connection;
    connection = redis.duplicate({ connectionName: `${redis.options.connectionName ?? 'amends'}:log`, lazyConnect: false });
    connection.on('error', () => {}); // the connection it was made from meets the same trouble and reports it
    return connection;
  };

  return {
    async peek() {
      // In this order: what is moved between the two is then in the second.
      const [waiting, head] = await reachable(Promise.all([redis.llen(pending), redis.get(`${root}log:head`)]));
      return waiting > 0 ? Infinity : Number(head ?? 0);
    },

    async doze(looks, signal) {
      if (looks === 0) return delay(LINGER_MS, undefined, { signal }).catch(() => undefined);
      // Moves the first element to where it is: it waits for one without taking it, and so do all others who wait.
      await reachable(blocking().blmove(pending, pending, 'LEFT', 'LEFT', LONGEST_S)).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    },

    close() {
      connection?.disconnect();
    },
  };
}
