import type { Knex } from 'knex';
import type { BarrierExecutor, BarrierRows } from './executor.ts';

/**
 * The transaction of `knex.transaction(async (trx) => …)` on PostgreSQL.
 *
 * @example await barrier(knexExecutor(trx), call, () => trx('payment').insert({ … }));
 */
export function knexExecutor(trx: Knex.Transaction): BarrierExecutor {
  return {
    async exec(sql: string, params: readonly (string | null)[]) {
      const bindings: (string | null)[] = [];
      // Knex counts its own `?`, each with a binding.
      const text = sql.replace(/\$(\d+)/g, (_, place: string) => {
        bindings.push(params[Number(place) - 1] ?? null);
        return '?';
      });
      const { rows, rowCount } = await trx.raw<BarrierRows>(text, bindings);
      return { rows, rowCount };
    },
  };
}
