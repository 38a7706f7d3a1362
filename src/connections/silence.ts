import type { Pool, PoolClient } from 'pg';
import type { Duplex } from 'node:stream';

const LOOKS_PER_LIMIT = 4;

/** The socket of a session; `pg` has no public name for it. */
function socketOf(session: PoolClient): Duplex {
  return (session as unknown as { readonly connection: { readonly stream: Duplex } }).connection.stream;
}

/**
 * Ends sessions that leave a statement unanswered for longer than `limitMs`, so that it is rejected and the pool opens another one. Without it a
 * statement on a connection that is half open waits until TCP gives up, a quarter of an hour, while the renewals of its job's lock go by other
 * sessions: nobody would take the job over. Sessions that only listen have no statement in work, and are left alone.
 */
export function endSilentSessions(pool: Pool, limitMs: number): void {
  /** When the oldest statement in work was sent, by session. A look now and then, for a timer for each statement would be felt. */
  const asking = new Map<PoolClient, number>();
  pool.on('connect', (session) => {
    const query = session.query.bind(session) as (...args: unknown[]) => unknown;
    session.query = ((...args: unknown[]) => {
      if (!asking.has(session)) asking.set(session, performance.now());
      return query(...args);
    }) as PoolClient['query'];
    session.on('drain', () => asking.delete(session));
    session.on('end', () => asking.delete(session));
  });
  const look = setInterval(() => {
    const before = performance.now() - limitMs;
    for (const [session, sinceMs] of asking) {
      if (sinceMs > before) continue;
      asking.delete(session);
      socketOf(session).destroy(Object.assign(new Error(`no answer within ${limitMs} ms`), { code: 'ETIMEDOUT' }));
    }
  }, limitMs / LOOKS_PER_LIMIT).unref();
  const end = pool.end.bind(pool);
  pool.end = async () => {
    try {
      await end();
    } finally {
      clearInterval(look); // after the end: a statement in work may hold it up
    }
  };
}
