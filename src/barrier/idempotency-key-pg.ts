import { readFileSync } from 'node:fs';
import type { Pool } from 'pg';
import { AmendsError } from '../errors.ts';
import { isTransient } from './executor.ts';
import type { KeptReply } from './idempotency-key-reply.ts';
import { retentionOf, type Begun, type HeldKey, type ReplyRetention, type ReplyStore } from './idempotency-key-store.ts';

export interface PgRepliesOptions extends ReplyRetention {
  /** The schema `idempotency_key` is in. Default: wherever the session's search path finds it. */
  readonly schema?: string | undefined;
}

export interface PgReplies extends ReplyStore {
  /** Creates the table when it is not there, whoever else tries at the same time. `idempotency-key.sql` in the package is the same. */
  install(): Promise<void>;
  /** Removes what is older than its retention, and gives how many rows. Expired ones are not used before that either. */
  purge(): Promise<number>;
}

const DEFINITION = readFileSync(new URL('./idempotency-key.sql', import.meta.url), 'utf8');
const SCHEMA = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;
/** Key of the advisory lock under which the table is made ("AMND", "IDEM"). */
const LOCK = '1095585348, 1229210957';
const ATTEMPTS = 10;
const BATCH = 1000;
const MS = `* interval '1 millisecond'`;

interface Row {
  readonly fingerprint: string;
  readonly status: number | null;
  readonly headers: KeptReply['headers'];
  readonly body: Buffer;
}

/**
 * Keeps replies in PostgreSQL. The database's clock decides what is expired.
 *
 * @throws {AmendsError} INVALID_OPTION
 * @example
 * const store = pgReplies(pool);
 * await store.install();
 * app.post('/charges', express.json(), idempotencyKey({ store }), charge);
 */
export function pgReplies(pool: Pool, options: PgRepliesOptions = {}): PgReplies {
  const { schema } = options;
  if (schema !== undefined && !SCHEMA.test(schema)) {
    throw new AmendsError('INVALID_OPTION', `schema is ${JSON.stringify(schema)}: use letters, digits and _, and don't begin with a digit`);
  }
  const table = schema === undefined ? 'idempotency_key' : `"${schema}".idempotency_key`;
  const retentionMs = retentionOf(options);
  const mine = 'scope = $1 AND key = $2 AND owner = $3 AND status IS NULL';

  async function tryBegin({ scope, key, owner }: HeldKey, fingerprint: string, leaseMs: number): Promise<Begun | undefined> {
    const taken = await pool.query(
      `INSERT INTO ${table} AS kept (scope, key, owner, fingerprint, locked_until, expires_at)
      VALUES ($1, $2, $3, $4, clock_timestamp() + $5::double precision ${MS}, clock_timestamp() + $6::double precision ${MS})
      ON CONFLICT (scope, key) DO UPDATE SET owner = excluded.owner, fingerprint = excluded.fingerprint, locked_until = excluded.locked_until,
        expires_at = excluded.expires_at, status = NULL, headers = NULL, body = NULL
      WHERE kept.expires_at <= clock_timestamp()
        OR (kept.status IS NULL AND kept.locked_until <= clock_timestamp() AND kept.fingerprint = excluded.fingerprint)
      RETURNING 1`,
      [scope, key, owner, fingerprint, leaseMs, Math.max(retentionMs, leaseMs)],
    );
    if (taken.rowCount === 1) return { kind: 'begun' };
    const { rows } = await pool.query<Row>(`SELECT fingerprint, status, headers, body FROM ${table} WHERE scope = $1 AND key = $2`, [
      scope,
      key,
    ]);
    const [row] = rows;
    if (row === undefined) return undefined; // let go between the two statements
    if (row.fingerprint !== fingerprint) return { kind: 'mismatch' };
    if (row.status === null) return { kind: 'running' };
    return { kind: 'finished', reply: { status: row.status, headers: row.headers, body: row.body } };
  }

  return {
    async begin(key, fingerprint, leaseMs) {
      for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
        try {
          const begun = await tryBegin(key, fingerprint, leaseMs);
          if (begun !== undefined) return begun;
        } catch (error) {
          if (!isTransient(error)) throw error; // where the default isolation is a strict one
        }
      }
      return { kind: 'running' };
    },
    async renew({ scope, key, owner }, leaseMs) {
      const { rowCount } = await pool.query(
        `UPDATE ${table} SET locked_until = clock_timestamp() + $4::double precision ${MS},
          expires_at = greatest(expires_at, clock_timestamp() + $4::double precision ${MS}) WHERE ${mine}`,
        [scope, key, owner, leaseMs],
      );
      return rowCount === 1;
    },
    async finish({ scope, key, owner }, { status, headers, body }) {
      const { rowCount } = await pool.query(
        `UPDATE ${table} SET status = $4, headers = $5::jsonb, body = $6, expires_at = clock_timestamp() + $7::double precision ${MS} WHERE ${mine}`,
        [scope, key, owner, status, JSON.stringify(headers), body, retentionMs],
      );
      return rowCount === 1;
    },
    async release({ scope, key, owner }) {
      await pool.query(`DELETE FROM ${table} WHERE ${mine}`, [scope, key, owner]);
    },
    async install() {
      const create = DEFINITION.replaceAll(/(EXISTS|ON) idempotency_key(?= \()/g, (_, word: string) => `${word} ${table}`);
      await pool.query(`DO $do$ BEGIN PERFORM pg_advisory_xact_lock(${LOCK}); ${create} END $do$`);
    },
    async purge() {
      for (let removed = 0; ;) {
        const { rowCount } = await pool.query(
          `DELETE FROM ${table} WHERE (scope, key) IN (SELECT scope, key FROM ${table} WHERE expires_at <= clock_timestamp() LIMIT ${BATCH})
            AND expires_at <= clock_timestamp()`,
        );
        removed += rowCount ?? 0;
        if ((rowCount ?? 0) < BATCH) return removed;
      }
    },
  };
}
