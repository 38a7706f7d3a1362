import type { Pool } from 'pg';
import type { BarrierExecutor } from '../barrier/executor.ts';
import { pgExecutor, transactionsOf } from '../barrier/pg.ts';
import { pgliteExecutor } from '../barrier/pglite.ts';
import type { Transact } from './reservations.ts';

/** Transactions of a `pg` pool. */
export function pgTransactions(pool: Pool): Transact {
  const transaction = transactionsOf(pool);
  return (work) => transaction((client) => work(pgExecutor(client)), undefined);
}

/** What is asked of PGlite. */
interface Database {
  transaction<T>(work: (tx: Parameters<typeof pgliteExecutor>[0]) => Promise<T>): Promise<T>;
}

/** Transactions of PGlite, the embedded PostgreSQL. */
export function pgliteTransactions(database: Database): Transact {
  return <T>(work: (executor: BarrierExecutor) => Promise<T>) => database.transaction((tx) => work(pgliteExecutor(tx)));
}
