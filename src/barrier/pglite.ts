import type { BarrierExecutor } from './executor.ts';

/** What is asked of PGlite: a `Transaction`, or the database itself. */
interface Queries {
  query(sql: string, params?: unknown[]): Promise<{ readonly rows: readonly unknown[]; readonly affectedRows?: number | undefined }>;
}

/**
 * The transaction of `db.transaction(async (tx) => …)` of PGlite, the embedded PostgreSQL. The database itself is good for
 * {@link installBarrier} and {@link purgeBarrier} only.
 *
 * @example await db.transaction(async (tx) => barrierResult(call, await barrier(pgliteExecutor(tx), call, () => reserve(tx, input))));
 */
export function pgliteExecutor(tx: Queries): BarrierExecutor {
  return {
    async exec(sql: string, params: readonly (string | null)[]) {
      const { rows, affectedRows } = await tx.query(sql, [...params]);
      return { rows: rows as readonly Readonly<Record<string, unknown>>[], rowCount: affectedRows ?? rows.length };
    },
  };
}
