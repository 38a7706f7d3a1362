import { AmendsError } from '../errors.ts';
import { dialectOf } from './dialects.ts';
import type { BarrierExecutor } from './executor.ts';

export interface BarrierTable {
  /** The schema (on MySQL: the database) `txn_barrier` is in. Default: wherever the session finds it. */
  readonly schema?: string | undefined;
}

const SCHEMA = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;

/** The table's name as SQL. */
export function tableOf(executor: BarrierExecutor, { schema }: BarrierTable = {}): string {
  if (schema === undefined) return 'txn_barrier';
  if (typeof schema === 'string' && SCHEMA.test(schema)) return dialectOf(executor).tableIn(schema);
  throw new AmendsError('INVALID_OPTION', `schema is ${JSON.stringify(schema)}: use letters, digits and _, and don't begin with a digit`);
}

/**
 * Creates the table `txn_barrier` when it is not there, once, whoever else tries at the same time. `dist/src/barrier/barrier.sql`, and
 * `barrier-mysql.sql` for MySQL and MariaDB, are the same for your own migrations. On these two, a transaction that is open is committed by it.
 *
 * @throws {AmendsError} INVALID_OPTION
 * @example await installBarrier(pgExecutor(pool), { schema: 'payments' });
 */
export async function installBarrier(executor: BarrierExecutor, table: BarrierTable = {}): Promise<void> {
  await dialectOf(executor).install(executor, tableOf(executor, table));
}
