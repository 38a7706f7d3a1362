import { readFileSync } from 'node:fs';
import { AmendsError } from '../errors.ts';
import { inTransaction, type SqlExecutor, type SqlPool } from './sql.ts';

interface Migration {
  readonly number: number;
  readonly name: string;
  readonly file: URL;
}

/** In order. A file that was released is never changed: what must change comes as a new one. Each stands beside the code that uses it. */
const MIGRATIONS: readonly Migration[] = [
  '../events/postgres/0001_event_store.sql',
  '../journal/postgres/0002_journal.sql',
  '../events/postgres/0003_stream_life.sql',
  '../events/postgres/0004_global_log.sql',
  '../events/postgres/0005_subscriptions.sql',
  '../journal/postgres/0006_group_commit.sql',
  '../events/postgres/0007_group_append.sql',
].map((path) => {
  const name = path.slice(path.lastIndexOf('/') + 1, -'.sql'.length);
  return { number: Number.parseInt(name, 10), name, file: new URL(path, import.meta.url) };
});
const LATEST = Math.max(...MIGRATIONS.map(({ number }) => number));

const NAMESPACE = /^[a-z][a-z0-9_]{0,30}$/;
/** First half of the advisory lock's key ("AMND"); the second is the namespace's hash. */
const LOCK_CLASS = 0x41_4d_4e_44;
/** Undefined table, undefined schema. */
const NOT_THERE = new Set(['42P01', '3F000']);

/**
 * Gives the namespace as a quoted SQL schema.
 *
 * @throws {AmendsError} INVALID_OPTION
 */
export function schemaOf(namespace: string): string {
  if (typeof namespace === 'string' && NAMESPACE.test(namespace)) return `"${namespace}"`;
  throw new AmendsError(
    'INVALID_OPTION',
    `namespace ${JSON.stringify(namespace) ?? String(namespace)}: use 1 to 31 of a-z, 0-9 and _, starting with a letter`,
  );
}

/** The number of the newest migration the database has; 0: none. */
async function appliedTo(sql: SqlExecutor, schema: string): Promise<number> {
  try {
    const { rows } = await sql.query<{ number: number }>(`SELECT coalesce(max(number), 0) AS number FROM ${schema}.migrations`);
    return rows[0]?.number ?? 0;
  } catch (error) {
    if (NOT_THERE.has((error as { code?: string }).code ?? '')) return 0;
    throw error;
  }
}

function refuseNewer(applied: number, namespace: string): void {
  if (applied <= LATEST) return;
  throw new AmendsError(
    'STORE_UNSAFE',
    `schema "${namespace}" is at migration ${applied}, and this version of amends knows ${LATEST}: upgrade the package, a newer one uses this database`,
    { details: { namespace, applied, known: LATEST } },
  );
}

/**
 * Brings the tables of a namespace up to date: each missing migration in a transaction of its own, once, whoever else tries at the same
 * time. Needs the right to create a schema only when something is missing. Gives the names of what it applied.
 *
 * @throws {AmendsError} INVALID_OPTION, STORE_UNSAFE (the database is newer than this code)
 */
export async function migrate(pool: SqlPool, namespace: string): Promise<readonly string[]> {
  const schema = schemaOf(namespace);
  const before = await appliedTo(pool, schema);
  refuseNewer(before, namespace);
  const done: string[] = [];
  for (const { number, name, file } of MIGRATIONS.filter((migration) => migration.number > before)) {
    const applied = await inTransaction(pool, async (session) => {
      await session.query('SELECT pg_advisory_xact_lock($1, hashtext($2))', [LOCK_CLASS, namespace]);
      // IF NOT EXISTS would ask for the right to create one even where an administrator has done it.
      const { rows } = await session.query('SELECT FROM pg_namespace WHERE nspname = $1', [namespace]);
      if (rows.length === 0) await session.query(`CREATE SCHEMA ${schema}`);
      await session.query(
        `CREATE TABLE IF NOT EXISTS ${schema}.migrations (number integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`,
      );
      // Somebody else may have been faster, and may be newer.
      const now = await appliedTo(session, schema);
      refuseNewer(now, namespace);
      if (now >= number) return false;
      await session.query(readFileSync(file, 'utf8').replaceAll('{{schema}}', schema));
      await session.query(`INSERT INTO ${schema}.migrations (number, name) VALUES ($1, $2)`, [number, name]);
      return true;
    });
    if (applied) done.push(name);
  }
  return done;
}

/**
 * Refuses a database whose tables this code can't use.
 *
 * @throws {AmendsError} MIGRATION_NEEDED, STORE_UNSAFE (newer than this code), INVALID_OPTION
 */
export async function assertMigrated(pool: SqlPool, namespace: string): Promise<void> {
  const applied = await appliedTo(pool, schemaOf(namespace));
  refuseNewer(applied, namespace);
  if (applied === LATEST) return;
  throw new AmendsError(
    'MIGRATION_NEEDED',
    applied === 0
      ? `the database has no tables of amends in schema "${namespace}": run \`npx amends migrate\` on it`
      : `schema "${namespace}" is at migration ${applied} and this version of amends needs ${LATEST}: run \`npx amends migrate\` on it`,
    { details: { namespace, applied, needed: LATEST } },
  );
}
