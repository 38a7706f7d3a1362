import { mkdir, rm } from 'node:fs/promises';
import { PGlite, type Transaction as EmbeddedTransaction } from '@electric-sql/pglite';
import { AmendsError } from 'amends';
import { installBarrier, pgExecutor, pgliteExecutor, type BarrierExecutor } from 'amends/barrier';
import { Pool, types, type CustomTypesConfig, type PoolClient } from 'pg';
import { lockFolder } from './folder-lock.ts';

/** Runs SQL with `$1` parameters and gives the rows. */
export interface Sql {
  query<Row = unknown>(text: string, params?: readonly unknown[]): Promise<Row[]>;
}

/** An open transaction. */
export interface Transaction extends Sql {
  /** The same transaction, for the barrier. */
  readonly executor: BarrierExecutor;
}

/** The database of one service: PostgreSQL, or an embedded one in a folder. The service's code is the same on both. */
export interface ServiceDatabase extends Sql {
  /** Runs `work` in a transaction; an error rolls back. */
  transaction<T>(work: (sql: Transaction) => Promise<T>): Promise<T>;
  close(): Promise<void>;
  /** Closes it and removes everything it holds. */
  drop(): Promise<void>;
}

export type ServiceDatabaseOptions =
  /** `schema`: default `order_example_` and the service's name. Any number of processes may share it. */
  | { readonly url: string; readonly schema?: string | undefined }
  /** One process at a time. */
  | { readonly folder: string };

/** Cents and units are far below 2^53, so that a number holds them. */
const bigintAsNumber: CustomTypesConfig = {
  getTypeParser: (oid, format) => (oid === types.builtins.INT8 ? Number : types.getTypeParser(oid, format)) as never,
};

async function openPostgres(service: string, url: string, schema: string): Promise<ServiceDatabase> {
  if (!/^postgres(ql)?:\/\//.test(url)) {
    throw new AmendsError('INVALID_OPTION', `the database of service "${service}" needs a postgres:// URL`);
  }
  const pool = new Pool({ connectionString: url, options: `-c search_path=${schema}`, max: 10, types: bigintAsNumber });
  pool.on('error', () => undefined); // an idle connection broke: pg drops it, and the next query opens another
  const query = async (client: Pool | PoolClient, text: string, params: readonly unknown[] = []): Promise<never[]> =>
    (await client.query(text, [...params])).rows as never[];
  const transaction = async <T>(work: (sql: Transaction) => Promise<T>): Promise<T> => {
    const client = await pool.connect();
    let broken = false;
    try {
      await client.query('begin');
      const result = await work({ query: (text, params) => query(client, text, params), executor: pgExecutor(client) });
      await client.query('commit');
      return result;
    } catch (error) {
      await client.query('rollback').catch(() => (broken = true));
      throw error;
    } finally {
      client.release(broken);
    }
  };
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => (closed ??= pool.end());
  try {
    await transaction(async (sql) => {
      await sql.query(`select pg_advisory_xact_lock(hashtext('${schema}'))`); // two "create if not exists" at once can fail
      await sql.query(`create schema if not exists ${schema}`);
    });
  } catch (cause) {
    await close();
    const { message, code } = cause as NodeJS.ErrnoException;
    const why = message === '' ? code : message;
    throw new AmendsError('STORE_UNREACHABLE', `service "${service}" can't open its database (${why}): check that the server is up`, {
      cause,
    });
  }
  const drop = async (): Promise<void> => {
    await query(pool, `drop schema if exists ${schema} cascade`);
    await close();
  };
  return { query: (text, params) => query(pool, text, params), transaction, close, drop };
}

async function openEmbedded(folder: string): Promise<ServiceDatabase> {
  await mkdir(folder, { recursive: true });
  const unlock = await lockFolder(folder);
  const database = await PGlite.create(folder).catch(async (error: unknown) => {
    await unlock();
    throw error;
  });
  const query = async (on: PGlite | EmbeddedTransaction, text: string, params: readonly unknown[] = []): Promise<never[]> =>
    (await on.query(text, [...params])).rows as never[];
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => (closed ??= database.close().then(unlock));
  return {
    query: (text, params) => query(database, text, params),
    transaction: (work) =>
      database.transaction((tx) => work({ query: (text, params) => query(tx, text, params), executor: pgliteExecutor(tx) })),
    close,
    drop: async () => {
      await close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/**
 * Opens the database of one service.
 *
 * @throws {AmendsError} INVALID_OPTION for a URL or a schema that can't be one, STORE_UNREACHABLE, STORE_LOCKED when another process has the folder
 */
export async function openServiceDatabase(service: string, options: ServiceDatabaseOptions): Promise<ServiceDatabase> {
  if ('folder' in options) return openEmbedded(options.folder);
  const schema = options.schema ?? `order_example_${service}`;
  if (!/^[a-z][a-z0-9_]{0,62}$/.test(schema)) {
    throw new AmendsError('INVALID_OPTION', `schema "${schema}" of service "${service}": use lower-case letters, digits and _`);
  }
  return openPostgres(service, options.url, schema);
}

/** Creates a service's tables, and that of the barrier, if they aren't there; any number of processes may do so at once. */
export async function defineTables(database: ServiceDatabase, statements: readonly string[]): Promise<void> {
  await database.transaction(async (sql) => {
    await installBarrier(sql.executor);
    await sql.query("select pg_advisory_xact_lock(hashtext(current_schema() || '.tables'))");
    for (const statement of statements) await sql.query(statement);
  });
}
