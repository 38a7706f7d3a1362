import { openEmbedded } from '../connections/embedded.ts';
import { assertMigrated, migrate } from '../connections/migrate.ts';
import { openPostgres } from '../connections/postgres.ts';
import type { SqlPool } from '../connections/sql.ts';
import { createPostgresEventStore } from '../events/postgres/postgres-event-store.ts';
import { createPostgresJournal } from '../journal/postgres/postgres-journal.ts';
import { migrateQueues, sqlBackend } from '../queues/sql-backend.ts';
import type { Store, StoreKind, StoreOptions } from './store.ts';

async function sqlStore(kind: StoreKind, pool: SqlPool, closePool: () => Promise<void>, options: StoreOptions): Promise<Store> {
  const { namespace } = options;
  try {
    if (options.migrate || kind === 'embedded') {
      await migrate(pool, namespace);
      await migrateQueues(pool);
    } else {
      await assertMigrated(pool, namespace);
    }
  } catch (error) {
    await closePool();
    throw error;
  }
  const journal = createPostgresJournal({ pool, namespace });
  return {
    kind,
    journal,
    events: createPostgresEventStore({ pool, namespace }),
    queues: sqlBackend(pool, namespace),
    async close() {
      await journal.close();
      await closePool();
    },
  };
}

export async function openPostgresStore(url: string, options: StoreOptions): Promise<Store> {
  const pool = await openPostgres(url, { onError: (error) => options.log.warn({ err: error }, 'postgres connection') });
  return sqlStore('postgres', pool, () => pool.end(), options);
}

export async function openEmbeddedStore(options: StoreOptions): Promise<Store> {
  const embedded = await openEmbedded({ folder: options.folder });
  return sqlStore('embedded', embedded.pool, () => embedded.close(), options);
}
