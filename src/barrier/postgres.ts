import { readFileSync } from 'node:fs';
import type { BarrierDialect, Stored } from './dialect.ts';
import { sqlStateOf } from './executor.ts';

const DEFINITION = readFileSync(new URL('./barrier.sql', import.meta.url), 'utf8');
/** Key of the advisory lock under which the table is made ("AMND", "BARR"). */
const LOCK = '1095585348, 1111577170';
const LOCK_NOT_AVAILABLE = '55P03';
/** What `jsonb` refuses of valid JSON: the character 0, half a surrogate pair, a number out of range. */
const NOT_FOR_JSONB = new Set(['22P05', '22P02', '22003']);

export const postgres: BarrierDialect = {
  tableIn: (schema) => `"${schema}".txn_barrier`,

  async install(executor, table) {
    const create = DEFINITION.replace('EXISTS txn_barrier', () => `EXISTS ${table}`);
    // IF NOT EXISTS alone fails when two sessions create the table at the same moment.
    await executor.exec(`DO $do$ BEGIN PERFORM pg_advisory_xact_lock(${LOCK}); ${create} END $do$`, []);
  },

  async take(executor, table, { scope, gid, branchId, barrierId, op, origin, fingerprint }, lockTimeoutMs) {
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
  },

  async read(executor, table, slot, op) {
    const { rows } = await executor.exec(
      `SELECT reason, encode(fingerprint, 'hex') AS fingerprint, result::text AS result FROM ${table}
      WHERE scope = $1 AND gid = $2 AND branch_id = $3 AND op = $4 AND barrier_id = $5`,
      [slot.scope, slot.gid, slot.branchId, op, slot.barrierId],
    );
    return rows[0] as Stored | undefined;
  },

  async store(executor, table, slot, _taken, result) {
    const { rows } = await executor.exec(
      `UPDATE ${table} SET result = $6::jsonb
      WHERE scope = $1 AND gid = $2 AND branch_id = $3 AND op = $4 AND barrier_id = $5 AND current_setting('amends.barrier', true) = 'open'
      RETURNING 1 AS stored`,
      [slot.scope, slot.gid, slot.branchId, slot.op, slot.barrierId, result],
    );
    return rows.length === 1;
  },

  async spoil(executor) {
    // A statement that fails makes a commit impossible.
    await executor
      .exec(`DO $do$ BEGIN RAISE EXCEPTION 'the work behind the barrier of amends failed: roll back'; END $do$`, [])
      .catch(() => undefined);
  },

  isLockTimeout: (error) => sqlStateOf(error) === LOCK_NOT_AVAILABLE,
  isRefusedJson: (error) => NOT_FOR_JSONB.has(sqlStateOf(error) ?? ''),

  async listOld(executor, table, { scope, olderThanMs, after, limit }) {
    const { rows } = await executor.exec(
      `SELECT gid FROM ${table} WHERE scope = $1 AND gid > $2 GROUP BY gid
      HAVING max(created_at) < now() - $3::double precision * interval '1 millisecond' ORDER BY gid LIMIT $4::integer`,
      [scope, after, String(olderThanMs), String(limit)],
    );
    return rows.map(({ gid }) => gid as string);
  },

  async removeOld(executor, table, { scope, olderThanMs, gids }) {
    const { rows } = await executor.exec(
      `WITH gone AS (
        DELETE FROM ${table} WHERE scope = $1 AND gid IN (SELECT jsonb_array_elements_text($2::jsonb))
          AND created_at < now() - $3::double precision * interval '1 millisecond'
        RETURNING 1
      ) SELECT count(*)::text AS count FROM gone`,
      [scope, JSON.stringify(gids), String(olderThanMs)],
    );
    return Number(rows[0]?.count ?? 0);
  },
};
