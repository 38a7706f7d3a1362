import { openEmbedded } from '../connections/embedded.ts';
import { assertMigrated, migrate } from '../connections/migrate.ts';
import { openPostgres } from '../connections/postgres.ts';
import type { SqlPool } from '../connections/sql.ts';
import { createPostgresBackend } from '../events/postgres/backend.ts';
import { createPostgresJournal } from '../journal/postgres/postgres-journal.ts';
import { migrateQueues, sqlBackend } from '../queues/sql-backend.ts';
import type { Store, StoreKind, StoreOptions } from './store.ts';

/** Brings all tables up to date. */
async function migrateAll(pool: SqlPool, namespace: string): Promise<void> {
  await migrate(pool, namespace);
  await migrateQueues(pool);
}

/** Runs `work`; if it fails the pool is closed. */
async function orClose<T>(close: () => Promise<void>, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await close();
    throw error;
  }
}

function sqlStore(kind: StoreKind, pool: SqlPool, closePool: () => Promise<void>, { namespace, limits }: StoreOptions): Store {
  const journal = createPostgresJournal({ pool, namespace });
  const events = createPostgresBackend({ pool, namespace, limits });
  return {
    kind,
    inOrder: false,
    journal,
    events,
    queues: [sqlBackend(pool, namespace)],
    async close() {
      await events.close();
      await journal.close();
      await closePool();
    },
  };
}

export async function openPostgresStore(url: string, options: StoreOptions): Promise<Store> {
  const { namespace, log, storeTimeoutMs } = options;
  const onError = (error: Error): void => log.warn({ err: error }, 'postgres connection');
  if (options.migrate) {
    // By sessions of its own: on a large database, or behind another process that migrates, a statement of it may take minutes.
    const migrating = await openPostgres(url, { onError, maxConnections: 1, applicationName: 'amends migrate' });
    await orClose(
      () => migrating.end(),
      () => migrateAll(migrating, namespace),
    );
    await migrating.end();
  }
  const pool = await openPostgres(url, { onError, answerTimeoutMs: storeTimeoutMs });
  if (!options.migrate)
    await orClose(
      () => pool.end(),
      () => assertMigrated(pool, namespace),
    );
  return sqlStore('postgres', pool, () => pool.end(), options);
}

export async function openEmbeddedStore(options: StoreOptions): Promise<Store> {
  const embedded = await openEmbedded({ folder: options.folder });
  await orClose(
    () => embedded.close(),
    () => migrateAll(embedded.pool, options.namespace),
  );
  return sqlStore('embedded', embedded.pool, () => embedded.close(), options);
}
