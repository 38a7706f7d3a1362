import type { ClientBase, Pool, PoolClient } from 'pg';
import { deliver, type SignalledContext, type Transaction, type UndoContext, type WithBarrierOptions } from './deliver.ts';
import type { BarrierExecutor } from './executor.ts';

/** A `pg` client in an open transaction. A pool is good for {@link installBarrier} and {@link purgeBarrier} only. */
export function pgExecutor(client: Pick<ClientBase | Pool, 'query'>): BarrierExecutor {
  return {
    async exec(sql: string, params: readonly (string | null)[]) {
      const { rows, rowCount } = await (client as ClientBase).query<Record<string, unknown>>(sql, [...params]);
      return { rows, rowCount };
    },
  };
}

export function transactionsOf(pool: Pool): Transaction<PoolClient> {
  return async (work, level) => {
    const client = await pool.connect();
    // A session that breaks while it is checked out emits an error, which would end the process: its statement says it too.
    const ignore = (): void => undefined;
    client.on('error', ignore);
    let usable = true;
    try {
      await client.query(level === undefined ? 'BEGIN' : `BEGIN ISOLATION LEVEL ${level}`);
      const result = await work(client);
      await client.query('COMMIT');
      return result;
    } catch (error) {
      // A session whose rollback fails is in an unknown state: it must not go back into the pool.
      usable = await client.query('ROLLBACK').then(
        () => true,
        () => false,
      );
      throw error;
    } finally {
      client.removeListener('error', ignore);
      client.release(!usable);
    }
  };
}

/**
 * A whole transaction behind a barrier, for `pg`: takes a client, begins, does `work` at most once, commits, and runs it all again when the
 * database asks for it. A duplicate gives the stored result; an undo that is empty or was done before returns quietly.
 *
 * @param work Gets the client, in the transaction, and for a compensation what the action's work returned.
 * @throws {StepFailed} the action comes after its compensation (definite: it had no effect)
 * @throws {BarrierMismatchError} not retried; {BarrierInProgressError} and everything else: deliver again
 * @example
 * implement(chargePayment, {
 *   run: (context) => withBarrier(pool, context, (tx) => debit(tx, context.input)),
 *   compensate: (context) => withBarrier(pool, context, (tx, charge) => credit(tx, charge)),
 * });
 */
export function withBarrier(
  pool: Pool,
  context: UndoContext,
  work: (tx: PoolClient, undone: unknown) => Promise<unknown>,
  options?: WithBarrierOptions,
): Promise<void>;
export function withBarrier<Result>(
  pool: Pool,
  context: SignalledContext,
  work: (tx: PoolClient) => Promise<Result>,
  options?: WithBarrierOptions,
): Promise<Result>;
export async function withBarrier(
  pool: Pool,
  context: SignalledContext,
  work: (tx: PoolClient, undone: unknown) => Promise<unknown>,
  options: WithBarrierOptions = {},
): Promise<unknown> {
  return deliver(transactionsOf(pool), pgExecutor, context, work, options);
}
