import type { Transaction } from 'kysely';
import type { BarrierExecutor } from './executor.ts';

/**
 * The transaction of `db.transaction().execute(async (trx) => …)`.
 *
 * @example await barrier(kyselyExecutor(trx), call, () => trx.insertInto('payment').values({ … }).execute());
 */
export function kyselyExecutor<Database>(trx: Transaction<Database>): BarrierExecutor {
  return {
    async exec(sql: string, params: readonly (string | null)[]) {
      // What `CompiledQuery.raw` makes, by hand, so that Kysely stays optional here.
      const query = { kind: 'RawNode', sqlFragments: [sql], parameters: [] } as const;
      const { rows, numAffectedRows } = await trx.executeQuery<Record<string, unknown>>({
        sql,
        parameters: params,
        query,
        queryId: { queryId: 'amends-barrier' },
      });
      return { rows, rowCount: numAffectedRows === undefined ? rows.length : Number(numAffectedRows) };
    },
  };
}
