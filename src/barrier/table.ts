import { readFileSync } from 'node:fs';
import { AmendsError } from '../errors.ts';
import type { BarrierExecutor } from './executor.ts';

export interface BarrierTable {
  /** The schema `txn_barrier` is in. Default: wherever the session's search path finds it. */
  readonly schema?: string | undefined;
}

const SCHEMA = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;
const DEFINITION = readFileSync(new URL('./barrier.sql', import.meta.url), 'utf8');
/** Key of the advisory lock under which the table is made ("AMND", "BARR"). */
const LOCK = '1095585348, 1111577170';

/** The table's name as SQL. */
export function tableOf({ schema }: BarrierTable = {}): string {
  if (schema === undefined) return 'txn_barrier';
  if (typeof schema === 'string' && SCHEMA.test(schema)) return `"${schema}".txn_barrier`;
  throw new AmendsError('INVALID_OPTION', `schema is ${JSON.stringify(schema)}: use letters, digits and _, and don't begin with a digit`);
}

/**
 * Creates the table `txn_barrier` when it is not there, once, whoever else tries at the same time. `dist/src/barrier/barrier.sql` is the same
 * for your own migrations.
 *
 * @throws {AmendsError} INVALID_OPTION
 * @example await installBarrier(pgExecutor(pool), { schema: 'payments' });
 */
export async function installBarrier(executor: BarrierExecutor, table: BarrierTable = {}): Promise<void> {
  const create = DEFINITION.replace('EXISTS txn_barrier', () => `EXISTS ${tableOf(table)}`);
  // IF NOT EXISTS alone fails when two sessions create the table at the same moment.
  await executor.exec(`DO $do$ BEGIN PERFORM pg_advisory_xact_lock(${LOCK}); ${create} END $do$`, []);
}
