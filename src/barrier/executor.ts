/** What a statement gives. The shape is that of `pg`. */
export interface BarrierRows {
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  readonly rowCount: number | null;
}

/** Runs SQL with `$1` parameters (text and null only) in one database transaction that the caller has opened, and will commit or roll back. */
export interface BarrierExecutor {
  exec(sql: string, params: readonly (string | null)[]): Promise<BarrierRows>;
}

/** The SQLSTATE of a database error, also when a query builder has wrapped it. */
export function sqlStateOf(error: unknown): string | undefined {
  for (let depth = 0, at = error; depth < 5 && at instanceof Error; depth++, at = at.cause) {
    if ('code' in at && typeof at.code === 'string' && /^[0-9A-Z]{5}$/.test(at.code)) return at.code;
  }
  return undefined;
}

/**
 * Tells whether PostgreSQL has rolled a transaction back only because of others that ran at the same time (serialization failure 40001,
 * deadlock 40P01): run the whole transaction again, from its BEGIN.
 */
export function isTransient(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state === '40001' || state === '40P01';
}
