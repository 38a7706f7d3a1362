import type { Redis } from 'ioredis';
import { reachable } from '../../connections/redis.ts';
import { AmendsError } from '../../errors.ts';
import type { Listener } from '../journal.ts';

/** A subscriber that hears nothing can't tell a quiet channel from a dead peer: it asks this often, and waits this long for an answer. */
const HEARTBEAT_MS = 10_000;

/** `server`: every node of a cluster passes them on to all others. `shard`: they stay with the node that has the channel's slot (Redis 7). */
export type AnnounceIn = 'server' | 'shard';

export interface Announcements {
  watch(listener: Listener): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

/** Announced ids of one channel, over one connection of its own that is opened by the first watcher. */
export function announcementsOn(redis: Redis, channel: string, announceIn: AnnounceIn = 'server'): Announcements {
  const watchers = new Set<{ readonly listener: Listener }>();
  let connection: Redis | undefined;
  let heartbeat: NodeJS.Timeout | undefined;
  let listening: Promise<unknown> | undefined;
  let closed = false;

  // Each in a microtask of its own: one that throws doesn't keep the others from hearing.
  const tell = (id: string | undefined, completed?: string): void => {
    for (const watcher of watchers) queueMicrotask(() => watcher.listener(id, completed));
  };

  /** See commit.lua: no id has a space in it. */
  const onMessage = (message: string): void => {
    const end = message.indexOf(' ');
    if (end < 0) tell(message);
    else tell(message.slice(0, end), message.slice(end + 1));
  };

  const drop = (): void => {
    clearInterval(heartbeat);
    connection?.disconnect();
    connection = undefined;
    listening = undefined;
  };

  const open = (): Promise<unknown> => {
    const opened = redis.duplicate({
      connectionName: `${redis.options.connectionName ?? 'amends'}:watch`,
      lazyConnect: false,
      // Done below: the client's own resubscription doesn't tell when it is in force.
      autoResubscribe: false,
      socketTimeout: HEARTBEAT_MS,
    });
    connection = opened;
    // It reconnects by itself. The connection it was made from meets the same trouble and reports it.
    opened.on('error', () => {});
    opened.on(announceIn === 'shard' ? 'smessage' : 'message', (_channel: string, message: string) => onMessage(message));
    // The node has lost the slot, and told so: what it announced last may have gone unheard.
    opened.on('moved', () => opened.disconnect(true));
    const subscribe = (): Promise<unknown> => (announceIn === 'shard' ? opened.ssubscribe(channel) : opened.subscribe(channel));
    heartbeat = setInterval(() => {
      if (opened.status !== 'ready') return;
      // A node that has lost the slot says so, and the connection goes to the one that has it.
      (announceIn === 'shard' ? subscribe() : opened.ping()).catch(() => {});
    }, HEARTBEAT_MS).unref();
    let connectedBefore = false;
    opened.on('ready', () => {
      if (connectedBefore) {
        // Only once it listens again may watchers look: what is announced after that look is heard. If this fails, the next connection does it.
        subscribe().then(
          () => tell(undefined),
          () => {},
        );
      }
      connectedBefore = true;
    });
    return reachable(subscribe());
  };

  return {
    async watch(listener) {
      const refuseClosed = (): void => {
        if (closed) throw new AmendsError('CLOSED', 'this journal is closed: create another one to watch transactions');
      };
      refuseClosed();
      const watcher = { listener };
      watchers.add(watcher);
      try {
        await (listening ??= open());
      } catch (error) {
        watchers.delete(watcher);
        drop();
        refuseClosed();
        throw error;
      }
      return async () => {
        watchers.delete(watcher);
      };
    },

    async close() {
      closed = true;
      watchers.clear();
      drop();
    },
  };
}
