import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { announcementsOn } from '../../connections/announcements.ts';
import type { SqlExecutor, SqlPool } from '../../connections/sql.ts';
import type { PulseSource } from '../log-pulse.ts';

/** Events often come in a row: this long nobody is asked for a NOTIFY. */
const LINGER_MS = 10;
/** A writer that began before this process said it sleeps does not wake it: it looks again after this, then after twice that, … */
const FIRST_LOOK_MS = 50;
const LONGEST_MS = 1_000;
/** How long one word that this process sleeps is good for: it is given again before. */
const ASLEEP_MS = 3 * LONGEST_MS;

export interface LogSleep extends PulseSource {
  close(): Promise<void>;
}

/** Waiting for events in PostgreSQL: appends NOTIFY those who sleep, and nobody else. */
export function logSleep(pool: SqlPool, sql: SqlExecutor, schema: string, channel: string): LogSleep {
  const announcements = announcementsOn(pool, channel);
  const sleeper = randomUUID();
  const peek = `SELECT CASE WHEN EXISTS (SELECT FROM ${schema}.pending) THEN NULL ELSE position END::double precision AS position FROM ${schema}.log_head`;
  const sleep = `WITH gone AS (DELETE FROM ${schema}.sleepers WHERE until < clock_timestamp() - interval '1 hour' AND sleeper <> $1)
    INSERT INTO ${schema}.sleepers (sleeper, channel, until)
    VALUES ($1, $2, clock_timestamp() + ${ASLEEP_MS} * interval '1 millisecond')
    ON CONFLICT (sleeper) DO UPDATE SET until = excluded.until`;
  let told = new AbortController();
  let listening: Promise<unknown> | undefined;
  const awake = `UPDATE ${schema}.sleepers SET until = '-infinity' WHERE sleeper = $1`;
  let asleepSinceMs = -Infinity;
  /** The position of the log when it went to sleep, and when it last looked. */
  let [asleepAt, seen] = [Infinity, Infinity];

  const listen = async (): Promise<void> => {
    listening ??= announcements.watch(() => told.abort());
    try {
      await listening;
    } catch (error) {
      listening = undefined;
      throw error;
    }
  };

  return {
    async peek() {
      const { rows } = await sql.query<{ position: number | null }>(peek);
      const position = rows[0]?.position ?? Infinity;
      // There is work: while it lasts no append is to pay for a NOTIFY.
      if (asleepSinceMs !== -Infinity && position !== asleepAt) {
        asleepSinceMs = -Infinity;
        await sql.query(awake, [sleeper]);
      }
      seen = position;
      return position;
    },

    async doze(looks, signal) {
      if (looks === 0) return delay(LINGER_MS, undefined, { signal }).catch(() => undefined);
      await listen();
      if (performance.now() - asleepSinceMs > ASLEEP_MS - 2 * LONGEST_MS) {
        await sql.query(sleep, [sleeper, channel]);
        asleepSinceMs = performance.now();
        asleepAt = seen;
        // Whoever did not see this yet is seen by the next look.
        if (looks === 1) return;
      }
      const pauseMs = Math.min(FIRST_LOOK_MS * 2 ** (looks - 1), LONGEST_MS);
      await delay(pauseMs, undefined, { signal: AbortSignal.any([signal, told.signal]) }).catch(() => undefined);
      // Before the next look: what is told from now on may be missing in it.
      if (told.signal.aborted) told = new AbortController();
    },

    async close() {
      await announcements.close();
      // Not waited for, the store may be away: it expires by itself.
      if (listening !== undefined) void sql.query(`DELETE FROM ${schema}.sleepers WHERE sleeper = $1`, [sleeper]).catch(() => undefined);
    },
  };
}
