import { Client } from 'pg';
import { migrate } from '../../src/connections/migrate.ts';
import { openPostgres } from '../../src/connections/postgres.ts';
import type { SqlExecutor } from '../../src/connections/sql.ts';
import { createPostgresBackend } from '../../src/events/postgres/backend.ts';
import { createPostgresJournal } from '../../src/journal/postgres/postgres-journal.ts';
import type { Place } from './place.ts';
import { serverUrl } from './server-url.ts';
import { sqlTimeMs, tablesWith } from './sql-inspection.ts';

async function onServer<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** A database of its own on the server of DATABASE_URL. */
export async function createPostgresPlace(namespace: string): Promise<Place> {
  const server = serverUrl('DATABASE_URL');
  await onServer(server, (client) => client.query(`CREATE DATABASE ${namespace}`));
  const url = new URL(server);
  url.pathname = `/${namespace}`;
  const admin = new Client({ connectionString: url.href });
  await admin.connect();
  const inspect = admin as unknown as SqlExecutor;
  return {
    url: url.href,
    description: `database ${namespace} of the PostgreSQL of DATABASE_URL`,

    async open(name) {
      const pool = await openPostgres(url.href);
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
      // Forced: a red test may have left a session open, and would leave the database with it.
      if (!keep) await onServer(server, (client) => client.query(`DROP DATABASE ${namespace} WITH (FORCE)`));
    },
  };
}
