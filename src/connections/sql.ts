import { setTimeout as delay } from 'node:timers/promises';

/** Serialization failure and deadlock: nothing was done, and the same may succeed now. */
const RETRYABLE = new Set(['40001', '40P01']);
const TRIES = 10;
const LONGEST_PAUSE_MS = 20;

/** What a query gives. The shape is that of `pg`. */
export interface SqlResult<Row = Record<string, unknown>> {
  readonly rows: Row[];
  readonly rowCount: number | null;
}

/** Anything that runs SQL with `$1` parameters: a `pg.Pool`, a `pg.PoolClient` in a transaction, the embedded store. */
export interface SqlExecutor {
  query<Row = Record<string, unknown>>(text: string, params?: readonly unknown[]): Promise<SqlResult<Row>>;
}

export interface SqlNotification {
  readonly channel: string;
  readonly payload?: string | undefined;
}

/** One session, checked out of a pool. `LISTEN` on it and its notifications come as events. */
export interface SqlSession extends SqlExecutor {
  release(destroy?: boolean): void;
  on(event: 'notification', listener: (message: SqlNotification) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'end', listener: () => void): unknown;
  removeAllListeners(event?: string): unknown;
}

/** A pool of sessions: `pg.Pool`, or the embedded store's facade over its single session. */
export interface SqlPool extends SqlExecutor {
  connect(): Promise<SqlSession>;
  end(): Promise<void>;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

/** Runs `work` in a transaction of its own session; an error rolls back. */
export async function inTransaction<T>(pool: SqlPool, work: (session: SqlExecutor) => Promise<T>, begin = 'BEGIN'): Promise<T> {
  const session = await pool.connect();
  try {
    await session.query(begin);
    const result = await work(session);
    await session.query('COMMIT');
    session.release();
    return result;
  } catch (error) {
    // A session whose rollback fails is in an unknown state: it must not go back into the pool.
    const rolledBack = await session.query('ROLLBACK').then(
      () => true,
      () => false,
    );
    session.release(!rolledBack);
    throw error;
  }
}

/** Runs what is a transaction of its own until it does not lose to another one. */
export async function persistently<T>(work: () => Promise<T>): Promise<T> {
  for (let tried = 1; ; tried++) {
    try {
      return await work();
    } catch (error) {
      if (tried === TRIES || !RETRYABLE.has((error as { code?: string }).code ?? '')) throw error;
      await delay(Math.random() * LONGEST_PAUSE_MS);
    }
  }
}
