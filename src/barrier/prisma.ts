import type { BarrierExecutor } from './executor.ts';

/** What is asked of the client that `prisma generate` has written for a schema. */
interface Queries {
  $queryRawUnsafe<Rows>(sql: string, ...params: (string | null)[]): PromiseLike<Rows>;
}

/**
 * The `tx` of `prisma.$transaction(async (tx) => …)` on PostgreSQL. Prisma ends such a transaction after its `timeout` (5 s unless you give
 * another), waiting for other deliveries included: keep `lockTimeoutMs` below it. The client itself is good for {@link installBarrier} and
 * {@link purgeBarrier} only.
 *
 * @example await barrier(prismaExecutor(tx), call, () => tx.payment.create({ … }), { lockTimeoutMs: 2000 });
 */
export function prismaExecutor(tx: Queries): BarrierExecutor {
  return {
    async exec(sql: string, params: readonly (string | null)[]) {
      const rows = await tx.$queryRawUnsafe<readonly Readonly<Record<string, unknown>>[]>(sql, ...params);
      return { rows, rowCount: rows.length };
    },
  };
}
