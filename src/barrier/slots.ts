import type { BarrierOp, Slot } from './call.ts';
import type { BarrierExecutor } from './executor.ts';

/** Which slots an operation has found free and taken. */
export interface Taken {
  readonly own: boolean;
  readonly origin: boolean;
}

/** A slot that was taken before. */
export interface Stored {
  readonly reason: string;
  readonly fingerprint: string | null;
  /** JSON text. */
  readonly result: string | null;
}

/**
 * Takes the slot of the operation and, for an undo, first that of what it undoes. Whoever holds one of them in an open transaction is waited
 * for, up to `lockTimeoutMs`; the transaction's own lock timeout holds again afterwards.
 */
export async function takeSlots(executor: BarrierExecutor, table: string, slot: Slot, lockTimeoutMs: number): Promise<Taken> {
  const { scope, gid, branchId, barrierId, op, origin, fingerprint } = slot;
  // The lock timeout is set before the first row goes in (it comes through the source of the rows) and put back when the last one is in (the
  // aggregate is complete by then): one round trip for what would be four.
  const { rows } = await executor.exec(
    `WITH was AS MATERIALIZED (SELECT current_setting('lock_timeout') AS lock_timeout),
    bound AS MATERIALIZED (
      SELECT lock_timeout, set_config('lock_timeout', $1, true) AS lock_set, set_config('amends.barrier', 'open', true) AS mark_set FROM was
    ), taken AS (
      INSERT INTO ${table} (scope, gid, branch_id, op, barrier_id, reason, fingerprint)
      SELECT $2::text, $3::text, $4::text, slot.op, $5::text, $6::text, CASE WHEN slot.op = $6::text THEN decode($7::text, 'hex') END
      FROM bound CROSS JOIN (VALUES (1, $8::text), (2, $6::text)) AS slot (place, op)
      WHERE slot.op IS NOT NULL AND bound.lock_set IS NOT NULL AND bound.mark_set IS NOT NULL
      ORDER BY slot.place
      ON CONFLICT DO NOTHING
      RETURNING op
    ), summary AS MATERIALIZED (SELECT bool_or(op = $6::text) AS own, bool_or(op = $8::text) AS origin FROM taken)
    SELECT own, origin, set_config('lock_timeout', lock_timeout, true) AS lock_timeout FROM summary CROSS JOIN bound`,
    [String(lockTimeoutMs), scope, gid, branchId, barrierId, op, fingerprint, origin ?? null],
  );
  return { own: rows[0]?.own === true, origin: rows[0]?.origin === true };
}

/** `undefined`: the slot is gone, by a purge. */
export async function readSlot(executor: BarrierExecutor, table: string, slot: Slot, op: BarrierOp): Promise<Stored | undefined> {
  const { rows } = await executor.exec(
    `SELECT reason, encode(fingerprint, 'hex') AS fingerprint, result::text AS result FROM ${table}
    WHERE scope = $1 AND gid = $2 AND branch_id = $3 AND op = $4 AND barrier_id = $5`,
    [slot.scope, slot.gid, slot.branchId, op, slot.barrierId],
  );
  return rows[0] as Stored | undefined;
}

/** `false`: this is not the transaction the slot was taken in. */
export async function storeResult(executor: BarrierExecutor, table: string, slot: Slot, result: string | null): Promise<boolean> {
  const { rows } = await executor.exec(
    `UPDATE ${table} SET result = $6::jsonb
    WHERE scope = $1 AND gid = $2 AND branch_id = $3 AND op = $4 AND barrier_id = $5 AND current_setting('amends.barrier', true) = 'open'
    RETURNING 1 AS stored`,
    [slot.scope, slot.gid, slot.branchId, slot.op, slot.barrierId, result],
  );
  return rows.length === 1;
}

/** Makes a commit impossible: the slot must not outlive the work that failed, even if the caller catches the error. */
export async function spoil(executor: BarrierExecutor): Promise<void> {
  await executor
    .exec(`DO $do$ BEGIN RAISE EXCEPTION 'the work behind the barrier of amends failed: roll back'; END $do$`, [])
    .catch(() => undefined);
}
