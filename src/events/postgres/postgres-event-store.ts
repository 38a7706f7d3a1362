import { schemaOf } from '../../connections/migrate.ts';
import { reaching } from '../../connections/postgres.ts';
import type { SqlPool } from '../../connections/sql.ts';
import type { Json, PayloadLimits } from '../../flows/json.ts';
import { checkAppend, checkStream, checkVersion } from '../batch.ts';
import type { EventStore, RecordedEvent, StreamName } from '../event-store.ts';
import { appendRows, persistently, resultOf } from './append.ts';

const PAGE = 500;

export interface PostgresEventStoreOptions {
  readonly pool: SqlPool;
  /** The SQL schema. 1 to 31 of `a-z 0-9 _`. */
  readonly namespace: string;
  /** Largest and deepest `eventData` and `metadata`. Default 1 MiB, 64 levels. */
  readonly limits?: PayloadLimits | undefined;
}

interface EventRow {
  readonly event_id: string | null;
  readonly version: number;
  readonly event_type: string;
  readonly schema_version: number;
  readonly event_data: Json;
  readonly metadata: Readonly<Record<string, Json>>;
  readonly at_ms: number;
}

function recordedEvent({ aggregateType, aggregateId }: StreamName, row: EventRow): RecordedEvent {
  return {
    aggregateType,
    aggregateId,
    eventId: row.event_id ?? `${aggregateId}/${row.version}`,
    version: row.version,
    eventType: row.event_type,
    eventData: row.event_data,
    schemaVersion: row.schema_version,
    metadata: row.metadata,
    timestamp: new Date(row.at_ms),
  };
}

/**
 * Streams of events in PostgreSQL 14 or newer, or in the embedded store. An append is one round trip. In the caller's transaction (`tx`) a
 * refusal leaves it usable; a serialization failure or deadlock (`code` 40001, 40P01) does not, and is the caller's to retry.
 *
 * @throws {AmendsError} INVALID_OPTION
 */
export function createPostgresEventStore({ pool, namespace, limits }: PostgresEventStoreOptions): EventStore {
  const schema = schemaOf(namespace);
  const sql = reaching(pool);
  const page = `
    SELECT event_id, version::double precision AS version, event_type, schema_version, event_data, metadata, ${schema}.ms("timestamp") AS at_ms
    FROM ${schema}.events
    WHERE aggregate_type = $1 AND aggregate_id = $2 AND version BETWEEN $3 AND $4
    ORDER BY version LIMIT ${PAGE}`;

  return {
    async append(stream, events, { expectedVersion, tx }) {
      const checked = checkAppend(stream, events, expectedVersion, limits);
      const rows =
        tx === undefined
          ? await persistently(() => appendRows(sql, schema, stream, checked, expectedVersion))
          : await appendRows(tx, schema, stream, checked, expectedVersion);
      return resultOf(stream, checked, expectedVersion, rows);
    },

    async *read(stream, { fromVersion = 1, toVersion } = {}) {
      checkStream(stream);
      const last = toVersion === undefined ? Number.MAX_SAFE_INTEGER : checkVersion('toVersion', toVersion);
      let next = checkVersion('fromVersion', fromVersion);
      for (;;) {
        const { rows } = await sql.query<EventRow>(page, [stream.aggregateType, stream.aggregateId, next, last]);
        for (const row of rows) yield recordedEvent(stream, row);
        if (rows.length < PAGE) return;
        next = rows[PAGE - 1]!.version + 1;
      }
    },
  };
}
