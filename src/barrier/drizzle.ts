import type { SQL, sql } from 'drizzle-orm';
import type { NodePgQueryResultHKT } from 'drizzle-orm/node-postgres';
import type { PgTransaction } from 'drizzle-orm/pg-core';
import type { BarrierExecutor } from './executor.ts';

/** Any transaction of `drizzle-orm/node-postgres`. */
// oxlint-disable-next-line typescript/no-explicit-any -- the bound of generics that accept every schema
type AnyTransaction<Schema extends Record<string, unknown>, Tables extends Record<string, any>> = PgTransaction<
  NodePgQueryResultHKT,
  Schema,
  Tables
>;

/**
 * The transaction of `db.transaction(async (tx) => …)`. `sql` is Drizzle's own template tag, handed over so that Drizzle stays optional here.
 *
 * @example await barrier(drizzleExecutor(tx, sql), call, () => tx.insert(payments).values({ … }));
 */
// oxlint-disable-next-line typescript/no-explicit-any -- as above
export function drizzleExecutor<Schema extends Record<string, unknown>, Tables extends Record<string, any>>(
  tx: AnyTransaction<Schema, Tables>,
  tag: typeof sql,
): BarrierExecutor {
  return {
    async exec(text: string, params: readonly (string | null)[]) {
      const chunks = text
        .split(/\$(\d+)/)
        .map((part, i): SQL => (i % 2 === 0 ? tag.raw(part) : tag`${tag.param(params[Number(part) - 1])}`));
      const { rows, rowCount } = await tx.execute(tag.join(chunks));
      return { rows, rowCount };
    },
  };
}
