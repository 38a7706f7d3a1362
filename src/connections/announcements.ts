import { setTimeout as delay } from 'node:timers/promises';
import { AmendsError } from '../errors.ts';
import { reserveSession } from './postgres.ts';
import type { SqlPool, SqlSession } from './sql.ts';

/** A session that hears nothing can't tell a quiet channel from a dead peer: it asks this often, and waits this long for an answer. */
const HEARTBEAT_MS = 15_000;
const FIRST_BACKOFF_MS = 100;
const LONGEST_BACKOFF_MS = 5_000;

export interface Announcements {
  watch(listener: (id: string | undefined) => void): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

/** A session kept for listening. */
interface Ear {
  /** Gives the session back. Idempotent. */
  drop(): void;
}

async function within(work: Promise<unknown>, timeoutMs: number): Promise<void> {
  const timeout = new AbortController();
  const late = delay(timeoutMs, undefined, { signal: timeout.signal, ref: false }).then(() => {
    throw new Error(`no answer within ${timeoutMs} ms`);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    timeout.abort();
    late.catch(() => undefined);
  }
}

async function openEar(pool: SqlPool, channel: string, onMessage: (id: string) => void, onLost: () => void): Promise<Ear> {
  const giveBack = reserveSession(pool);
  let session: SqlSession | undefined;
  let heartbeat: NodeJS.Timeout | undefined;
  let dropped = false;
  const drop = (): void => {
    if (dropped) return;
    dropped = true;
    clearInterval(heartbeat);
    // Destroyed, so that nobody gets a session from the pool that still listens. The listeners for its errors stay: one more may come.
    session?.release(true);
    giveBack();
  };
  const lose = (): void => {
    if (dropped) return;
    drop();
    onLost();
  };
  try {
    const opened = await pool.connect();
    session = opened;
    opened.on('error', lose);
    opened.on('end', lose);
    opened.on('notification', (message) => {
      if (!dropped && message.channel === channel && message.payload !== undefined) onMessage(message.payload);
    });
    const listen = (): Promise<unknown> => opened.query(`LISTEN "${channel}"`);
    await listen();
    heartbeat = setInterval(() => void within(listen(), HEARTBEAT_MS).catch(lose), HEARTBEAT_MS).unref();
    return { drop };
  } catch (error) {
    drop();
    throw error;
  }
}

/** What is announced on one channel of PostgreSQL, over one session that is opened by the first watcher and kept until `close`. */
export function announcementsOn(pool: SqlPool, channel: string): Announcements {
  const watchers = new Set<{ readonly listener: (id: string | undefined) => void }>();
  let ear: Promise<Ear> | undefined;
  let closed = false;
  const stopped = new AbortController();

  // Each in a microtask of its own: one that throws doesn't keep the others from hearing.
  const tell = (id: string | undefined): void => {
    for (const watcher of watchers) queueMicrotask(() => watcher.listener(id));
  };

  const open = (): Promise<Ear> => openEar(pool, channel, tell, rebuild);

  async function openAgain(): Promise<Ear> {
    for (let backoffMs = FIRST_BACKOFF_MS; ; backoffMs = Math.min(2 * backoffMs, LONGEST_BACKOFF_MS)) {
      await delay(backoffMs * (0.5 + Math.random() / 2), undefined, { signal: stopped.signal, ref: false });
      try {
        return await open();
      } catch {
        // Whoever runs statements meets the same trouble and reports it.
      }
    }
  }

  /** What was announced meanwhile is lost: watchers are told to look, once what is announced after that look is heard. */
  function rebuild(): void {
    if (closed) return;
    const again = openAgain();
    ear = again;
    again.then(
      () => tell(undefined),
      () => undefined, // closed
    );
  }

  return {
    async watch(listener) {
      const refuseClosed = (): void => {
        if (closed) throw new AmendsError('CLOSED', 'the connection that listened is closed: connect() again');
      };
      refuseClosed();
      const watcher = { listener };
      watchers.add(watcher);
      const opening = (ear ??= open());
      try {
        await opening;
        refuseClosed();
      } catch (error) {
        watchers.delete(watcher);
        if (ear === opening) ear = undefined;
        refuseClosed();
        throw error;
      }
      return async () => {
        watchers.delete(watcher);
      };
    },

    async close() {
      if (closed) return;
      closed = true;
      watchers.clear();
      stopped.abort();
      const open = await ear?.catch(() => undefined);
      open?.drop();
    },
  };
}
