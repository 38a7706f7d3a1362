import type { Connection, Pool, PoolConnection, ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import { deliver, type SignalledContext, type Transaction, type UndoContext, type WithBarrierOptions } from './deliver.ts';
import type { BarrierExecutor } from './executor.ts';

/**
 * A connection of `mysql2/promise` in an open transaction, on MySQL 8 or MariaDB 10.6 and newer. A pool is good for {@link installBarrier} and
 * {@link purgeBarrier} only. A deadlock (1213) rolls the whole transaction back at once: work that catches it and goes on writes outside of
 * every transaction, which the barrier notices only at its end (INVALID_OPTION).
 */
export function mysqlExecutor(connection: Pick<Connection | Pool, 'query'>): BarrierExecutor {
  return {
    dialect: 'mysql',
    async exec(sql: string, params: readonly (string | null)[]) {
      const [result] = await connection.query<RowDataPacket[] | ResultSetHeader>({ sql, values: [...params], rowsAsArray: false });
      if (Array.isArray(result)) return { rows: result, rowCount: result.length };
      return { rows: [], rowCount: result.affectedRows };
    },
  };
}

function transactionsOf(pool: Pool): Transaction<PoolConnection> {
  return async (work, level) => {
    const connection = await pool.getConnection();
    let usable = true;
    try {
      if (level !== undefined) await connection.query(`SET TRANSACTION ISOLATION LEVEL ${level}`); // of the next one only
      await connection.query('START TRANSACTION');
      const result = await work(connection);
      await connection.query('COMMIT');
      return result;
    } catch (error) {
      // A session whose rollback fails is in an unknown state: it must not go back into the pool.
      usable = await connection.query('ROLLBACK').then(
        () => true,
        () => false,
      );
      throw error;
    } finally {
      if (usable) connection.release();
      else connection.destroy();
    }
  };
}

/**
 * {@link withBarrier} for a pool of `mysql2/promise`: a whole transaction behind a barrier, again when a deadlock has ended it.
 *
 * @param work Gets the connection, in the transaction, and for a compensation what the action's work returned.
 * @throws {StepFailed} the action comes after its compensation (definite: it had no effect)
 * @throws {BarrierMismatchError} not retried; {BarrierInProgressError} and everything else: deliver again
 * @example
 * implement(chargePayment, {
 *   run: (context) => withMysqlBarrier(pool, context, (tx) => debit(tx, context.input)),
 *   compensate: (context) => withMysqlBarrier(pool, context, (tx, charge) => credit(tx, charge)),
 * });
 */
export function withMysqlBarrier(
  pool: Pool,
  context: UndoContext,
  work: (tx: PoolConnection, undone: unknown) => Promise<unknown>,
  options?: WithBarrierOptions,
): Promise<void>;
export function withMysqlBarrier<Result>(
  pool: Pool,
  context: SignalledContext,
  work: (tx: PoolConnection) => Promise<Result>,
  options?: WithBarrierOptions,
): Promise<Result>;
export async function withMysqlBarrier(
  pool: Pool,
  context: SignalledContext,
  work: (tx: PoolConnection, undone: unknown) => Promise<unknown>,
  options: WithBarrierOptions = {},
): Promise<unknown> {
  return deliver(transactionsOf(pool), mysqlExecutor, context, work, options);
}
