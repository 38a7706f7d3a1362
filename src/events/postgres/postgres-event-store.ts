import { schemaOf } from '../../connections/migrate.ts';
import { prepared, reaching } from '../../connections/postgres.ts';
import { inTransaction, persistently, type SqlPool } from '../../connections/sql.ts';
import type { Json, PayloadLimits } from '../../flows/json.ts';
import { checkAppend, checkAppends, checkStream, checkVersion, checkWritable, inLockOrder, tombstoneEvent } from '../batch.ts';
import type { EventStore, RecordedEvent, StreamHead, StreamName, StreamState } from '../event-store.ts';
import { streamClosed, streamNotFound } from '../refusals.ts';
import { appendBehindSavepoint, appendOne, appendSeveral } from './append.ts';
import { executorOf } from './callers-transaction.ts';
import { groupAppend } from './group-append.ts';

const PAGE = 500;

export interface PostgresEventStoreOptions {
  readonly pool: SqlPool;
  /** The SQL schema. 1 to 31 of `a-z 0-9 _`. */
  readonly namespace: string;
  /** Largest and deepest `eventData` and `metadata`. Default 1 MiB, 64 levels. */
  readonly limits?: PayloadLimits | undefined;
}

interface HeadRow {
  readonly version: number;
  readonly first_version: number;
  readonly state: StreamState;
}

function headFrom({ version, first_version: firstVersion, state }: HeadRow): StreamHead {
  return { version, firstVersion, state };
}

function keyOf({ aggregateType, aggregateId }: StreamName): readonly string[] {
  return [aggregateType, aggregateId];
}

export interface EventRow {
  readonly event_id: string | null;
  readonly version: number;
  readonly event_type: string;
  readonly schema_version: number;
  readonly event_data: Json;
  readonly metadata: Readonly<Record<string, Json>>;
  readonly at_ms: number;
}

export function recordedEvent({ aggregateType, aggregateId }: StreamName, row: EventRow): RecordedEvent {
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
  const sql = reaching(prepared(pool));
  const append = groupAppend(sql, schema);
  const page = `
    SELECT event_id, version::double precision AS version, event_type, schema_version, event_data, metadata, ${schema}.ms("timestamp") AS at_ms
    FROM ${schema}.all_events
    WHERE aggregate_type = $1 AND aggregate_id = $2 AND version BETWEEN $3 AND $4
    ORDER BY version LIMIT ${PAGE}`;

  const heads = `version::double precision AS version, first_version::double precision AS first_version, state`;
  const one = 'aggregate_type = $1 AND aggregate_id = $2';

  const headOf = async (stream: StreamName): Promise<StreamHead | undefined> => {
    const { rows } = await sql.query<HeadRow>(`SELECT ${heads} FROM ${schema}.streams WHERE ${one}`, keyOf(stream));
    return rows[0] === undefined ? undefined : headFrom(rows[0]);
  };
  const knownHead = async (stream: StreamName): Promise<StreamHead> => {
    const head = await headOf(stream);
    if (head === undefined) throw streamNotFound(stream);
    return head;
  };

  return {
    async append(stream, events, { expectedVersion, tx }) {
      const checked = checkAppend(stream, events, expectedVersion, limits);
      return tx === undefined ? append(checked) : appendOne(executorOf(tx), schema, checked);
    },

    async appendAll(appends, { tx } = {}) {
      const checked = checkAppends(appends, limits);
      inLockOrder(checked); // refuses before a transaction is begun
      if (tx !== undefined) return appendBehindSavepoint(executorOf(tx), schema, checked);
      return persistently(() => inTransaction(pool, (session) => appendSeveral(reaching(session), schema, checked)));
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

    epoch: () => Promise.resolve('postgres'),

    async head(stream) {
      checkWritable(stream);
      return headOf(stream);
    },

    async closeStream(stream) {
      checkWritable(stream);
      await sql.query(`UPDATE ${schema}.streams SET state = 'closed' WHERE ${one} AND state = 'open'`, keyOf(stream));
      return knownHead(stream);
    },

    async archive(stream, { toVersion = Number.MAX_SAFE_INTEGER } = {}) {
      checkWritable(stream);
      checkVersion('toVersion', toVersion);
      await persistently(() => sql.query(`SELECT ${schema}.archive_events($1, $2, $3)`, [...keyOf(stream), toVersion]));
      const head = await knownHead(stream);
      if (head.state === 'tombstoned') throw streamClosed(stream, head.state);
      return head;
    },

    async tombstone(stream, options) {
      checkWritable(stream);
      const { eventId, eventType, data, metadata } = tombstoneEvent(options, limits);
      const params = [...keyOf(stream), eventId, eventType, data, metadata];
      await persistently(() => sql.query(`SELECT ${schema}.tombstone_stream($1, $2, $3, $4, $5, $6)`, params));
      return knownHead(stream);
    },
  };
}
