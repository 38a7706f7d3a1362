import { createHash } from 'node:crypto';
import { Pool } from 'pg';
import { AmendsError } from '../errors.ts';
import { SilenceWatch } from './silence.ts';
import type { SqlExecutor, SqlPool, SqlResult } from './sql.ts';

/** The schema BullMQ keeps its tables in. Its SQL names them without it, so every session must have it on its search path. */
const BULLMQ_SCHEMA = 'bullmq';
const OLDEST_MAJOR = 14;
const IDLE_IN_TRANSACTION_MS = 5_000;
const SCHEMA = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;

export interface PostgresOptions {
  /** Sessions for statements. Those that only listen come on top, see {@link reserveSession}. Default 20. */
  readonly maxConnections?: number | undefined;
  /** Shown by `pg_stat_activity`; the URL's own wins. Default `amends`. */
  readonly applicationName?: string | undefined;
  /** Schemas of unqualified names. Default BullMQ's and `public`. */
  readonly schemaSearchPath?: readonly string[] | undefined;
  /** How long a connection may take to come about, milliseconds. Default 10 000. */
  readonly connectTimeoutMs?: number | undefined;
  /** A session that leaves a statement unanswered for so long (milliseconds) is ended, and the statement rejected. Default: none. */
  readonly answerTimeoutMs?: number | undefined;
  /** Told of connections that broke while idle; the pool replaces them by itself. */
  readonly onError?: ((error: Error) => void) | undefined;
}

/** What can be asked of both, by BullMQ (`pg.Pool`) and by us. */
export type PostgresPool = Pool & SqlPool;

interface Address {
  readonly url: string;
  readonly hostAndPort: string;
  /** Options for the server that the URL has of its own. */
  readonly serverOptions: string | null;
}

/** Checks the URL. Messages never quote it: it may hold a password. */
function addressOf(text: string): Address {
  const refuse = (problem: string): never => {
    throw new AmendsError('INVALID_OPTION', `the PostgreSQL URL ${problem}: write postgres://user:password@host:5432/database`);
  };
  if (typeof text !== 'string' || !URL.canParse(text)) return refuse("can't be read");
  const url = new URL(text);
  if (url.protocol !== 'postgres:' && url.protocol !== 'postgresql:') refuse(`begins with ${url.protocol}//`);
  const serverOptions = url.searchParams.get('options');
  if (serverOptions !== null) url.searchParams.delete('options'); // it would replace ours
  const host = url.searchParams.get('host') ?? (url.hostname === '' ? 'localhost' : url.hostname);
  return { url: url.href, hostAndPort: `${host}:${url.port === '' ? '5432' : url.port}`, serverOptions };
}

function searchPath(schemas: readonly string[]): string {
  const bad = schemas.find((schema) => !SCHEMA.test(schema));
  if (bad === undefined && schemas.length > 0) return schemas.map((schema) => `"${schema}"`).join(',');
  throw new AmendsError(
    'INVALID_OPTION',
    `schemaSearchPath ${JSON.stringify(schemas)}: name at least one schema, of letters, digits and _`,
  );
}

function adviceFor(code: string, message: string): string {
  switch (code) {
    case 'ECONNREFUSED':
      return 'nothing listens there: start PostgreSQL (docker compose up -d postgres), or correct AMENDS_URL';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'the host name is not known: correct AMENDS_URL';
    case '28P01':
    case '28000':
      return `it refused the login (${message}): put the right user and password into AMENDS_URL`;
    case '3D000':
      return `${message}: create it (createdb), or correct the end of AMENDS_URL`;
    case '53300':
      return `${message}: raise max_connections of the server, or lower maxConnections`;
    default:
      return `${message === '' ? code : message}: start it, or set AMENDS_URL to another server`;
  }
}

function unreachable(error: unknown, { hostAndPort }: Address): AmendsError {
  // A name with several addresses fails with one error for each, and an empty message of its own.
  const cause = error instanceof AggregateError ? (error.errors[0] as Error) : (error as Error);
  const { code = '' } = cause as { code?: string };
  return new AmendsError('STORE_UNREACHABLE', `PostgreSQL at ${hostAndPort} can't be used: ${adviceFor(code, cause.message)}`, {
    cause,
    details: { address: hostAndPort },
  });
}

/**
 * Opens a pool of sessions on a PostgreSQL server, 14 or newer, and tries the first one. `int8` comes as text, as `pg` does it, so that
 * nothing is rounded silently.
 *
 * @param url `postgres://user:password@host:5432/database`, with any parameter `pg` understands (`sslmode=…`)
 * @throws {AmendsError} INVALID_OPTION, STORE_UNREACHABLE, STORE_UNSAFE (too old)
 *
 * @example const pool = await openPostgres('postgres://amends@localhost:5432/amends', { onError: (error) => log.warn(error) });
 */
export async function openPostgres(url: string, options: PostgresOptions = {}): Promise<PostgresPool> {
  const address = addressOf(url);
  const {
    maxConnections = 20,
    applicationName = 'amends',
    schemaSearchPath = [BULLMQ_SCHEMA, 'public'],
    connectTimeoutMs = 10_000,
  } = options;
  if (!Number.isSafeInteger(maxConnections) || maxConnections < 1) {
    throw new AmendsError('INVALID_OPTION', `maxConnections is ${String(maxConnections)}: give a whole number from 1`);
  }
  const path = `-c search_path=${searchPath(schemaSearchPath)}`;
  const silence = new SilenceWatch();
  const pool = new Pool({
    Client: silence.Client,
    connectionString: address.url,
    application_name: applicationName,
    options: address.serverOptions === null ? path : `${address.serverOptions} ${path}`,
    max: maxConnections,
    connectionTimeoutMillis: connectTimeoutMs,
    // A session that only listens would not notice for hours that its peer is gone; BullMQ lets idle workers sleep long only with it.
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    // Ours are done in milliseconds. One whose client can't be heard any more would keep its locks until TCP gives up, and hold up everybody.
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
  });
  // Each queue and worker of BullMQ adds a listener.
  pool.setMaxListeners(0);
  pool.on('error', (error) => options.onError?.(error));
  // A session that breaks while it is checked out emits an error that nobody may listen to: whoever uses it hears by its statement.
  pool.on('connect', (client) => client.on('error', () => undefined));
  silence.over(pool, options.answerTimeoutMs);
  try {
    const { rows } = await pool.query<{ version: string }>("SELECT current_setting('server_version') AS version");
    const version = rows[0]?.version ?? '';
    if (Number.parseInt(version, 10) >= OLDEST_MAJOR) return pool;
    throw new AmendsError(
      'STORE_UNSAFE',
      `PostgreSQL at ${address.hostAndPort} is version ${version}: upgrade it to ${OLDEST_MAJOR} or newer`,
    );
  } catch (error) {
    await pool.end().catch(() => undefined);
    throw error instanceof AmendsError ? error : unreachable(error, address);
  }
}

/**
 * Makes room for one session that is kept for listening (a worker of BullMQ, a journal's watcher), so that it takes none from the
 * statements. Call it before the session is taken, and the result when it is given back. Does nothing on the embedded store.
 */
export function reserveSession(pool: SqlPool): () => void {
  const { options } = pool as { options?: { max?: number } };
  if (options?.max === undefined || !Number.isFinite(options.max)) return () => undefined;
  options.max++;
  let reserved = true;
  return () => {
    if (reserved && options.max !== undefined) options.max--;
    reserved = false;
  };
}

/** Classes and codes of errors that say that the session is gone, by PostgreSQL (08…, 57P0…) or by the socket. */
const GONE = /^(08...|57P0[123]|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENOTFOUND|EAI_AGAIN)$/;
const GONE_TEXT = /^(Connection terminated|Client has encountered a connection error|timeout exceeded when trying to connect)/;

/** Texts that are kept prepared in each session; those beyond are planned each time. */
const PREPARED = 100;

/** The same statements, prepared once in each session by their text: to parse and plan a small one costs as much as to run it. */
export function prepared(sql: SqlExecutor): SqlExecutor {
  if (!(sql instanceof Pool)) return sql;
  const names = new Map<string, string>();
  return {
    query<Row>(text: string, params?: readonly unknown[]) {
      let name = names.get(text);
      if (name === undefined && names.size < PREPARED) {
        // The same in every process that shares a session through a pooler.
        name = `amends_${createHash('sha256').update(text).digest('hex').slice(0, 32)}`;
        names.set(text, name);
      }
      if (name === undefined || params === undefined)
        return sql.query(text, params as unknown[]) as Promise<unknown> as Promise<SqlResult<Row>>;
      return sql.query({ name, text, values: params as unknown[] }) as Promise<unknown> as Promise<SqlResult<Row>>;
    },
  };
}

/** The same statements; when one fails because the connection did, the error says so (STORE_UNREACHABLE). */
export function reaching(sql: SqlExecutor): SqlExecutor {
  return {
    async query<Row>(text: string, params?: readonly unknown[]) {
      try {
        return await sql.query<Row>(text, params);
      } catch (thrown) {
        const cause: unknown = thrown instanceof AggregateError ? thrown.errors[0] : thrown;
        const { code = '', message = '' } = cause as { code?: string; message?: string };
        if (!GONE.test(code) && !GONE_TEXT.test(message)) throw thrown;
        throw new AmendsError(
          'STORE_UNREACHABLE',
          'the connection to PostgreSQL is lost, and whether the last statement was carried out is not known: check that it runs, then try again',
          { cause },
        );
      }
    },
  };
}
