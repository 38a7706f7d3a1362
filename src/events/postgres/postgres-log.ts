import { schemaOf } from '../../connections/migrate.ts';
import { prepared, reaching } from '../../connections/postgres.ts';
import type { SqlPool } from '../../connections/sql.ts';
import type { Json } from '../../flows/json.ts';
import { checkPosition, lostWrites, resolveRead } from '../global-log-checks.ts';
import type { GlobalLog, LoggedEvent } from '../global-log.ts';
import { LogPulse } from '../log-pulse.ts';
import { logSleep } from './log-sleep.ts';

export interface PostgresLogOptions {
  readonly pool: SqlPool;
  /** The SQL schema. 1 to 31 of `a-z 0-9 _`. */
  readonly namespace: string;
}

/** A row of `read_log`, see 0004_global_log.sql. The last one of a page has a `head` and no event. */
interface LogRow {
  readonly at_position: number;
  readonly more: boolean;
  readonly head: number | null;
  readonly key_hash: number;
  readonly event_id: string | null;
  readonly aggregate_type: string;
  readonly aggregate_id: string;
  readonly version: number;
  readonly event_type: string;
  readonly schema_version: number;
  readonly event_data: Json;
  readonly metadata: Readonly<Record<string, Json>>;
  readonly at_ms: number;
}

function loggedEvent(row: LogRow): LoggedEvent {
  return {
    position: row.at_position,
    keyHash: row.key_hash,
    aggregateType: row.aggregate_type,
    aggregateId: row.aggregate_id,
    eventId: row.event_id ?? `${row.aggregate_id}/${row.version}`,
    version: row.version,
    eventType: row.event_type,
    eventData: row.event_data,
    schemaVersion: row.schema_version,
    metadata: row.metadata,
    timestamp: new Date(row.at_ms),
  };
}

/**
 * The global order in PostgreSQL 14 or newer, or in the embedded store. Whoever reads gives positions to what was committed before.
 *
 * @throws {AmendsError} INVALID_OPTION
 */
export function createPostgresLog({ pool, namespace }: PostgresLogOptions): GlobalLog {
  const schema = schemaOf(namespace);
  const sql = reaching(prepared(pool));
  const sleep = logSleep(pool, sql, schema, `${namespace}.log`);
  const pulse = new LogPulse(sleep);
  const page = `SELECT * FROM ${schema}.read_log($1, $2, $3, $4, $5, $6)`;

  const read: GlobalLog['read'] = async (afterPosition, options = {}) => {
    const after = checkPosition('afterPosition', afterPosition);
    const { limit, scan, categories, partitions, partition } = resolveRead(options);
    const { rows } = await sql.query<LogRow>(page, [
      after,
      limit,
      scan,
      categories ?? null,
      partitions === 0 ? null : partitions,
      partitions === 0 ? null : partition,
    ]);
    const end = rows.pop()!;
    const head = end.head ?? 0;
    if (after > head) throw lostWrites(after, head);
    const events = rows.map(loggedEvent);
    const position = events.length === limit ? events[limit - 1]!.position : end.at_position;
    return { events, position, more: end.more, head: Math.max(head, position), mark: '' };
  };

  return {
    read,

    async head() {
      for (;;) {
        const { rows } = await sql.query<{ left: boolean }>(`SELECT ${schema}.number_events(1000) AS left`);
        if (rows[0]?.left === true) continue;
        return (await sql.query<{ position: number }>(`SELECT position::double precision AS position FROM ${schema}.log_head`)).rows[0]!
          .position;
      }
    },

    wait: (afterPosition, options) => pulse.wait(checkPosition('afterPosition', afterPosition), options),

    async close() {
      await pulse.close();
      await sleep.close();
    },
  };
}
