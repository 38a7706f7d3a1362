import type { EntityManager, QueryRunner } from 'typeorm';
import type { BarrierExecutor } from './executor.ts';

type Row = Readonly<Record<string, unknown>>;

/**
 * The manager of `dataSource.transaction(async (manager) => …)`, or a query runner with an open transaction, on PostgreSQL. A data source is
 * good for {@link installBarrier} and {@link purgeBarrier} only.
 *
 * @example await barrier(typeormExecutor(manager), call, () => manager.insert(Payment, { … }));
 */
export function typeormExecutor(manager: Pick<EntityManager, 'query'> | Pick<QueryRunner, 'query'>): BarrierExecutor {
  return {
    async exec(sql: string, params: readonly (string | null)[]) {
      const result = (await (manager as EntityManager).query<unknown>(sql, [...params])) as
        readonly Row[] | readonly [readonly Row[], number];
      // TypeORM gives rows for a SELECT, and [rows, how many] for an UPDATE or DELETE.
      const [first, count] = result;
      if (Array.isArray(first)) return { rows: first as readonly Row[], rowCount: count as number };
      return { rows: result as readonly Row[], rowCount: result.length };
    },
  };
}
