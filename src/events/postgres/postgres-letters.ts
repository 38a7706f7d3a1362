import type { SqlExecutor } from '../../connections/sql.ts';
import { errorText, type DeadLetter } from '../dead-letter.ts';
import type { LoggedEvent } from '../global-log.ts';

interface LetterRow {
  readonly position: number;
  readonly aggregate_type: string;
  readonly aggregate_id: string;
  readonly version: number;
  readonly event_type: string;
  readonly attempts: number;
  readonly error: string | null;
  readonly parked_at_ms: number;
}

function deadLetter(row: LetterRow): DeadLetter {
  return {
    position: row.position,
    aggregateType: row.aggregate_type,
    aggregateId: row.aggregate_id,
    version: row.version,
    eventType: row.event_type,
    attempts: row.attempts,
    error: row.error ?? undefined,
    parkedAt: new Date(row.parked_at_ms),
  };
}

export interface PostgresLetters {
  /** Those of the events whose aggregate is parked. It stays so until the end of the transaction. */
  lockParked(tx: SqlExecutor, subscription: string, events: readonly LoggedEvent[]): Promise<ReadonlySet<LoggedEvent>>;
  add(
    tx: SqlExecutor,
    subscription: string,
    event: LoggedEvent,
    letter: { readonly attempts: number; readonly error: string | null },
  ): Promise<void>;
  list(sql: SqlExecutor, subscription: string, limit: number): Promise<readonly DeadLetter[]>;
  /** The oldest that is the first of its aggregate. */
  first(sql: SqlExecutor, subscription: string, except: readonly number[]): Promise<DeadLetter | undefined>;
  /** `false`: somebody else has it in work, or had. */
  take(tx: SqlExecutor, subscription: string, position: number): Promise<boolean>;
  remove(tx: SqlExecutor, subscription: string, position: number): Promise<void>;
  failed(sql: SqlExecutor, subscription: string, position: number, error: unknown): Promise<void>;
}

export function postgresLetters(schema: string): PostgresLetters {
  const columns = `position::double precision AS position, aggregate_type, aggregate_id, version::double precision AS version, event_type,
    attempts, error, ${schema}.ms(parked_at) AS parked_at_ms`;
  return {
    async lockParked(tx, subscription, events) {
      const { rows } = await tx.query<{ key: number }>(
        `SELECT a.key::double precision AS key FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS a (aggregate_type, aggregate_id, key)
          JOIN ${schema}.dead_letters d
            ON d.subscription = $1 AND d.aggregate_type = a.aggregate_type AND d.aggregate_id = a.aggregate_id
          ORDER BY d.position FOR UPDATE OF d`,
        [subscription, events.map(({ aggregateType }) => aggregateType), events.map(({ aggregateId }) => aggregateId)],
      );
      return new Set(rows.map(({ key }) => events[key - 1]!));
    },

    async add(tx, subscription, { position, aggregateType, aggregateId, version, eventType }, { attempts, error }) {
      await tx.query(
        `INSERT INTO ${schema}.dead_letters (subscription, position, aggregate_type, aggregate_id, version, event_type, attempts, error)
          VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`,
        [subscription, position, aggregateType, aggregateId, version, eventType, attempts, error],
      );
    },

    async list(sql, subscription, limit) {
      const { rows } = await sql.query<LetterRow>(
        `SELECT ${columns} FROM ${schema}.dead_letters WHERE subscription = $1 ORDER BY dead_letters.position LIMIT $2`,
        [subscription, limit],
      );
      return rows.map(deadLetter);
    },

    async first(sql, subscription, except) {
      const { rows } = await sql.query<LetterRow>(
        `SELECT ${columns} FROM ${schema}.dead_letters WHERE subscription = $1 AND dead_letters.position <> ALL ($2::bigint[])
          AND NOT EXISTS (
            SELECT FROM ${schema}.dead_letters e
              WHERE e.subscription = $1 AND e.aggregate_type = dead_letters.aggregate_type AND e.aggregate_id = dead_letters.aggregate_id
                AND e.position < dead_letters.position
          )
          ORDER BY dead_letters.position LIMIT 1`,
        [subscription, except],
      );
      return rows[0] === undefined ? undefined : deadLetter(rows[0]);
    },

    async take(tx, subscription, position) {
      const { rows } = await tx.query(
        `SELECT FROM ${schema}.dead_letters WHERE subscription = $1 AND position = $2 FOR UPDATE SKIP LOCKED`,
        [subscription, position],
      );
      return rows.length === 1;
    },

    async remove(tx, subscription, position) {
      await tx.query(`DELETE FROM ${schema}.dead_letters WHERE subscription = $1 AND position = $2`, [subscription, position]);
    },

    async failed(sql, subscription, position, error) {
      await sql.query(`UPDATE ${schema}.dead_letters SET attempts = attempts + 1, error = $3 WHERE subscription = $1 AND position = $2`, [
        subscription,
        position,
        errorText(error),
      ]);
    },
  };
}
