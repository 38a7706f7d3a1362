import { createPostgresBackend, runMigrations, type BackendFactory, type IQueueBackend } from 'bullmq';
import { reserveSession } from '../connections/postgres.ts';
import { giveUpUnlessHeard } from '../connections/silence.ts';
import { inTransaction, persistently, type SqlExecutor, type SqlPool, type SqlSession } from '../connections/sql.ts';
import type { QueueBackend, Retention } from './backend.ts';

const TRANSACTION_WORDS: ReadonlyMap<string, string> = new Map([
  ['BEGIN', 'SAVEPOINT amends_queue'],
  ['COMMIT', 'RELEASE SAVEPOINT amends_queue'],
  ['ROLLBACK', 'ROLLBACK TO SAVEPOINT amends_queue'],
]);

/** A pool of which every session is the caller's open transaction. What BullMQ would begin and commit becomes a savepoint in it. */
function poolInside(tx: SqlExecutor): SqlPool {
  const query: SqlExecutor['query'] = (text, params) => tx.query(TRANSACTION_WORDS.get(text.trim().toUpperCase()) ?? text, params);
  const nothing = (): undefined => undefined;
  const session: SqlSession & { removeListener(): void } = {
    query,
    release: nothing,
    on: nothing,
    removeListener: nothing,
    removeAllListeners: nothing,
  };
  const pool: SqlPool & { removeAllListeners(): void } = {
    query,
    connect: () => Promise.resolve(session),
    end: () => Promise.resolve(),
    on: nothing,
    removeAllListeners: nothing,
  };
  return pool;
}

/**
 * Kept for Bull Board, and so that a racing second add of the same job is a no-op. By age alone: for a number BullMQ sorts all finished jobs of the
 * queue each time one finishes, which is nine tenths of the server's time when there are thousands.
 */
const RETENTION: Retention = { removeOnComplete: { age: 900 }, removeOnFail: { age: 7 * 24 * 3_600 } };

const makeBackend = createPostgresBackend as unknown as BackendFactory;

/**
 * BullMQ looks whether a job is locked and then deletes it, and a worker that takes it in between is left with a job that is gone, so that it
 * could be added anew, and run twice. A transaction that sees one state throughout is refused then, and looks again.
 */
function removingAtOnce(pool: SqlPool): BackendFactory {
  return (name, options, more): IQueueBackend => {
    const backend = makeBackend(name, options, more);
    backend.remove = (jobId, removeChildren) =>
      persistently(() =>
        inTransaction(
          pool,
          (tx) => makeBackend(name, { ...options, connection: poolInside(tx) }, more).remove(jobId, removeChildren),
          'BEGIN ISOLATION LEVEL REPEATABLE READ',
        ),
      );
    return backend;
  };
}

/** BullMQ's PostgreSQL backend, on a server's pool or the embedded one. Its tables are in the schema `bullmq`. */
export function sqlBackend(pool: SqlPool, namespace: string): QueueBackend {
  return {
    connection: pool,
    prefix: undefined,
    factory: removingAtOnce(pool),
    queuePrefix: namespace === 'amends' ? '' : `${namespace}.`,
    atomicFlows: true,
    retention: RETENTION,
    forWorker() {
      const giveBack = reserveSession(pool); // BullMQ keeps one session of the pool for listening
      return {
        connection: pool,
        giveUp: () => giveUpUnlessHeard(pool),
        release() {
          giveBack();
          return Promise.resolve();
        },
      };
    },
    inside: (tx) => sqlBackend(poolInside(tx), namespace),
  };
}

/** Brings BullMQ's own tables up to date. */
export async function migrateQueues(pool: SqlPool): Promise<void> {
  const session = await pool.connect();
  try {
    await runMigrations(session);
  } finally {
    session.release();
  }
}
