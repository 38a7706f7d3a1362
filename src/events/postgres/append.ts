import type { SqlExecutor } from '../../connections/sql.ts';
import type { Json } from '../../flows/json.ts';
import { inLockOrder, isSameEvent, type CheckedAppend, type CheckedEvent } from '../batch.ts';
import type { AppendResult, StreamName } from '../event-store.ts';
import { eventIdReused, partialDuplicate, partlyAppended, shownStream, streamClosed, wrongVersion } from '../refusals.ts';

/** A row of `append_events`, see 0003_stream_life.sql. */
export interface AppendRow {
  readonly outcome: 'appended' | 'refused' | 'closed' | 'tombstoned' | 'known';
  readonly at_version: number;
  readonly known_id: string;
  readonly known_aggregate_type: string;
  readonly known_aggregate_id: string;
  readonly known_type: string;
  readonly known_schema_version: number;
  readonly known_data: unknown;
}

export async function appendRows(sql: SqlExecutor, schema: string, append: CheckedAppend): Promise<readonly AppendRow[]> {
  const { stream, events, expectedVersion } = append;
  const { aggregateType, aggregateId } = stream;
  // Lists come as text where a query builder passes them on.
  const lists = '$4::text::text[], $5::text::text[], $6::text::integer[], $7::text::json[], $8::text::json[]';
  const { rows } = await sql.query<AppendRow>(`SELECT * FROM ${schema}.append_events($1, $2, $3, ${lists})`, [
    aggregateType,
    aggregateId,
    String(expectedVersion),
    events.map(({ eventId }) => eventId),
    events.map(({ eventType }) => eventType),
    events.map(({ schemaVersion }) => schemaVersion),
    events.map(({ data }) => data),
    events.map(({ metadata }) => metadata),
  ]);
  return rows;
}

function isSame(stream: StreamName, event: CheckedEvent, row: AppendRow): boolean {
  return (
    row.known_aggregate_type === stream.aggregateType &&
    row.known_aggregate_id === stream.aggregateId &&
    isSameEvent(event, { eventType: row.known_type, schemaVersion: row.known_schema_version, eventData: row.known_data as Json })
  );
}

/** Some ids were stored before: tells a repeated append from a mistake. */
function resultOfKnown(stream: StreamName, events: readonly CheckedEvent[], rows: readonly AppendRow[]): AppendResult {
  const known = new Map(rows.map((row) => [row.known_id, row]));
  const first = known.get(events[0]!.eventId)?.at_version ?? 0;
  for (const [position, event] of events.entries()) {
    const row = known.get(event.eventId);
    if (row === undefined) continue;
    const moved = known.size === events.length && row.at_version !== first + position;
    if (!moved && isSame(stream, event, row)) continue;
    const { known_aggregate_type: aggregateType, known_aggregate_id: aggregateId } = row;
    const elsewhere = aggregateType !== stream.aggregateType || aggregateId !== stream.aggregateId;
    throw eventIdReused(event.eventId, elsewhere ? shownStream({ aggregateType, aggregateId }) : undefined);
  }
  if (known.size < events.length) throw partialDuplicate(known.size, events.length);
  return { firstVersion: first, lastVersion: first + events.length - 1, duplicate: true };
}

/** What the rows mean. @throws {AmendsError} EVENT_ID_REUSED, PARTIAL_DUPLICATE, STREAM_CLOSED, WRONG_EXPECTED_VERSION */
export function resultOf({ stream, events, expectedVersion }: CheckedAppend, rows: readonly AppendRow[]): AppendResult {
  const { outcome, at_version: version } = rows[0]!;
  switch (outcome) {
    case 'appended':
      return { firstVersion: version, lastVersion: version + events.length - 1, duplicate: false };
    case 'known':
      return resultOfKnown(stream, events, rows);
    case 'refused':
      throw wrongVersion(stream, expectedVersion, version);
    case 'closed':
    case 'tombstoned':
      throw streamClosed(stream, outcome);
  }
}

/** Appends to one stream: one round trip, which is all or nothing by itself. */
export async function appendOne(sql: SqlExecutor, schema: string, append: CheckedAppend): Promise<AppendResult> {
  return resultOf(append, await appendRows(sql, schema, append));
}

/** Appends to several streams, in a transaction that the caller rolls back when this throws. */
export async function appendSeveral(sql: SqlExecutor, schema: string, appends: readonly CheckedAppend[]): Promise<readonly AppendResult[]> {
  const results: AppendResult[] = [];
  for (const { place, ...append } of inLockOrder(appends)) results[place] = await appendOne(sql, schema, append);
  const known = results.filter(({ duplicate }) => duplicate).length;
  if (known > 0 && known < results.length) throw partlyAppended(known, results.length);
  return results;
}

/** The same within a transaction of somebody who may want to go on with it. */
export async function appendBehindSavepoint(
  tx: SqlExecutor,
  schema: string,
  appends: readonly CheckedAppend[],
): Promise<readonly AppendResult[]> {
  await tx.query('SAVEPOINT amends_append');
  try {
    const results = await appendSeveral(tx, schema, appends);
    await tx.query('RELEASE SAVEPOINT amends_append');
    return results;
  } catch (error) {
    await tx.query('ROLLBACK TO SAVEPOINT amends_append').catch(() => undefined); // the connection may be the trouble
    throw error;
  }
}
