/** What a statement gives. The shape is that of `pg`. */
export interface BarrierRows {
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  /** Rows that were read, or changed. */
  readonly rowCount: number | null;
}

/** Runs SQL (parameters are text and null only) in one database transaction that the caller has opened, and will commit or roll back. */
export interface BarrierExecutor {
  /** `mysql` stands for MariaDB too; its parameters are `?` and not `$1`. Default `postgres`. */
  readonly dialect?: 'postgres' | 'mysql' | undefined;
  exec(sql: string, params: readonly (string | null)[]): Promise<BarrierRows>;
}

/** An error of a database client and what it wraps, from outside to inside: also what Prisma keeps in `meta`. */
function* layersOf(error: unknown): Generator<Readonly<Record<string, unknown>>> {
  for (let depth = 0, at = error; depth < 6 && typeof at === 'object' && at !== null; depth++) {
    const layer = at as Readonly<Record<string, unknown>>;
    yield layer;
    at = (layer.meta as { readonly driverAdapterError?: unknown } | undefined)?.driverAdapterError ?? layer.cause;
  }
}

/** P1000 to P6999 are codes of Prisma. */
const SQLSTATE = /^(?!P[1-9])[0-9A-Z]{5}$/;

/** The SQLSTATE of a database error, also when a query builder has wrapped it. */
export function sqlStateOf(error: unknown): string | undefined {
  for (const { code, originalCode, sqlState } of layersOf(error)) {
    for (const state of [code, originalCode, sqlState]) if (typeof state === 'string' && SQLSTATE.test(state)) return state;
  }
  return undefined;
}

/** The number of an error of MySQL or MariaDB, also when a query builder has wrapped it. */
export function mysqlErrnoOf(error: unknown): number | undefined {
  // An error of Node has a number too, but no SQLSTATE.
  for (const { errno, sqlState } of layersOf(error)) if (typeof errno === 'number' && typeof sqlState === 'string') return errno;
  return undefined;
}

/** MariaDB: a row has changed since this transaction's snapshot (`innodb_snapshot_isolation`). */
const CHANGED_SINCE_READ = 1020;

/**
 * Tells whether the database has rolled a transaction back only because of others that ran at the same time: run the whole transaction again,
 * from its BEGIN. PostgreSQL: serialization failure 40001, deadlock 40P01. MySQL and MariaDB: deadlock 1213, record changed 1020. A lock wait
 * timeout of the work (55P03, 1205) is not among them: it has waited already, so deliver again later.
 */
export function isTransient(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state === '40001' || state === '40P01' || mysqlErrnoOf(error) === CHANGED_SINCE_READ;
}
