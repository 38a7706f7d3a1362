import { Client } from 'pg';
import { migrate } from '../../src/connections/migrate.ts';
import { openPostgres } from '../../src/connections/postgres.ts';
import type { SqlExecutor } from '../../src/connections/sql.ts';
import { createPostgresBackend } from '../../src/events/postgres/backend.ts';
import { createPostgresJournal } from '../../src/journal/postgres/postgres-journal.ts';
import { createDatabase, dropDatabase } from './databases.ts';
import type { Place } from './place.ts';
import { serverUrl } from './server-url.ts';
import { sqlTimeMs, tablesWith } from './sql-inspection.ts';

/** A database of its own on the server of DATABASE_URL. */
export async function createPostgresPlace(namespace: string): Promise<Place> {
  const server = serverUrl('DATABASE_URL');
  const url = await createDatabase(server, namespace);
  const admin = new Client({ connectionString: url });
  await admin.connect();
  const inspect = admin as unknown as SqlExecutor;
  return {
    url,
    description: `database ${namespace} of the PostgreSQL of DATABASE_URL`,

    async open(name) {
      const pool = await openPostgres(url);
      await migrate(pool, name);
      const journal = createPostgresJournal({ pool, namespace: name });
      const backend = createPostgresBackend({ pool, namespace: name });
      return {
        events: backend.store,
        backend,
        journal,
        sql: pool,
        async close() {
          await backend.close();
          await journal.close();
          await pool.end();
        },
      };
    },

    serverTimeMs: () => sqlTimeMs(inspect),
    traces: (text) => tablesWith(inspect, namespace, text),

    async cutListeners() {
      const { rowCount } = await admin.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query ILIKE 'listen %'`,
      );
      return rowCount ?? 0;
    },

    async end({ keep }) {
      await admin.end();
      if (!keep) await dropDatabase(server, namespace);
    },
  };
}
