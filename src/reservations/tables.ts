import { readFileSync } from 'node:fs';
import type { BarrierExecutor } from '../barrier/executor.ts';
import { installBarrier, tableOf, type BarrierTable } from '../barrier/table.ts';

const DEFINITION = readFileSync(new URL('./reservations.sql', import.meta.url), 'utf8');
/** Key of the advisory lock under which the tables are made ("AMND", "RESV"). */
const LOCK = '1095585348, 1380275030';

/** The names of the tables as SQL. */
export interface Tables {
  readonly reservable: string;
  readonly reservation: string;
}

/** Beside the barrier's. @throws {AmendsError} INVALID_OPTION */
export function tablesIn(executor: BarrierExecutor, table: BarrierTable): Tables {
  const barrier = tableOf(executor, table);
  const named = (name: string): string => barrier.replace('txn_barrier', name);
  return { reservable: named('txn_reservable'), reservation: named('txn_reservation') };
}

/**
 * Creates the tables of reservations and the barrier's when they are not there, once, whoever else tries at the same time. PostgreSQL.
 * `dist/src/reservations/reservations.sql` is the same for your own migrations.
 *
 * @throws {AmendsError} INVALID_OPTION
 * @example await installReservations(pgExecutor(pool));
 */
export async function installReservations(executor: BarrierExecutor, table: BarrierTable = {}): Promise<void> {
  const { reservable, reservation } = tablesIn(executor, table);
  await installBarrier(executor, table);
  const create = DEFINITION.replaceAll('txn_reservable', () => reservable)
    .replace('EXISTS txn_reservation (', () => `EXISTS ${reservation} (`)
    .replace('ON txn_reservation (', () => `ON ${reservation} (`);
  await executor.exec(`DO $do$ BEGIN PERFORM pg_advisory_xact_lock(${LOCK}); ${create} END $do$`, []);
}
