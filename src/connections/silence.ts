import { Client, type ClientConfig, type Pool } from 'pg';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { SqlPool } from './sql.ts';

const LOOKS_PER_LIMIT = 4;
/** How long one who wants to close waits for an answer. */
const PATIENCE_MS = 3_000;

interface Waiting {
  /** When the oldest thing in work was asked for. */
  readonly sinceMs: number;
  readonly what: 'login' | 'statement';
}

/** The socket of a session; `pg` has no public name for it. */
function socketOf(session: Client): Duplex {
  return (session as unknown as { readonly connection: { readonly stream: Duplex } }).connection.stream;
}

const WATCHES = new WeakMap<object, SilenceWatch>();

/**
 * Knows which sessions of a pool wait for the server, and ends those that wait for too long: what they asked for is rejected, and the pool opens
 * others. Without it a statement on a connection that is half open waits until TCP gives up, a quarter of an hour, while the renewals of its job's
 * lock go by other sessions: nobody would take the job over. Sessions that only listen wait for nothing, and are left alone.
 */
export class SilenceWatch {
  readonly #waiting = new Map<Client, Waiting>();
  /** What the pool is to make its sessions of. */
  readonly Client: typeof Client;

  constructor() {
    const waiting = this.#waiting;
    this.Client = class extends Client {
      constructor(config?: string | ClientConfig) {
        super(config);
        waiting.set(this, { sinceMs: performance.now(), what: 'login' }); // a pool connects it at once
        for (const heard of ['drain', 'end'] as const) this.on(heard, () => waiting.delete(this));
      }
    };
  }

  /** @param limitMs How long a statement may be without an answer; default as long as TCP lets it. */
  over(pool: Pool, limitMs: number | undefined): void {
    WATCHES.set(pool, this);
    pool.on('connect', (session) => {
      this.#waiting.delete(session);
      const query = session.query.bind(session) as (...args: unknown[]) => unknown;
      session.query = ((...args: unknown[]) => {
        if (!this.#waiting.has(session)) this.#waiting.set(session, { sinceMs: performance.now(), what: 'statement' });
        return query(...args);
      }) as typeof session.query;
    });
    // A look now and then: a timer for each statement would be felt. A pool has a limit of its own for logins.
    const looking =
      limitMs === undefined ? undefined : setInterval(() => this.endSilent(limitMs, 'statement'), limitMs / LOOKS_PER_LIMIT).unref();
    const end = pool.end.bind(pool);
    pool.end = async () => {
      // Nobody wants the session of a login any more, and yet a pool waits for it.
      const closing = setInterval(() => this.endSilent(PATIENCE_MS, 'login'), PATIENCE_MS / LOOKS_PER_LIMIT);
      try {
        await end();
      } finally {
        clearInterval(closing);
        clearInterval(looking); // after the end: a statement in work may hold it up
      }
    };
  }

  endSilent(limitMs: number, ...whats: readonly Waiting['what'][]): void {
    const before = performance.now() - limitMs;
    for (const [session, { sinceMs, what }] of this.#waiting) {
      if (sinceMs > before || !whats.includes(what)) continue;
      this.#waiting.delete(session);
      socketOf(session).destroy(Object.assign(new Error(`no answer within ${limitMs} ms`), { code: 'ETIMEDOUT' }));
    }
  }
}

/**
 * For one who wants to close: asks the server for a sign of life, and when none comes within 3 s ends the sessions that wait for as long. Does
 * nothing on the embedded store.
 */
export async function giveUpUnlessHeard(pool: SqlPool): Promise<void> {
  const watch = WATCHES.get(pool);
  if (watch === undefined) return;
  const heard = pool.query('SELECT 1').then(
    () => true,
    () => false,
  );
  const over = new AbortController();
  const late = delay(PATIENCE_MS, false, { signal: over.signal }).catch(() => false);
  if (!(await Promise.race([heard, late]))) watch.endSilent(PATIENCE_MS, 'login', 'statement');
  over.abort();
}
