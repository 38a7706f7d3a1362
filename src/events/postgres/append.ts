import { setTimeout as delay } from 'node:timers/promises';
import type { SqlExecutor } from '../../connections/sql.ts';
import { AmendsError } from '../../errors.ts';
import { hashOf } from '../../flows/json.ts';
import type { CheckedEvent } from '../batch.ts';
import type { AppendResult, ExpectedVersion, StreamName } from '../event-store.ts';

/** Serialization failure and deadlock: nothing was done, and the same may succeed now. */
const RETRYABLE = new Set(['40001', '40P01']);
const TRIES = 10;
const LONGEST_PAUSE_MS = 20;

/** A row of `append_events`, see 0001_event_store.sql. */
export interface AppendRow {
  readonly outcome: 'appended' | 'refused' | 'known';
  readonly at_version: number;
  readonly known_id: string;
  readonly known_aggregate_type: string;
  readonly known_aggregate_id: string;
  readonly known_type: string;
  readonly known_schema_version: number;
  readonly known_data: unknown;
}

/** Runs a statement that is a transaction of its own until it does not lose to another one. */
export async function persistently<T>(work: () => Promise<T>): Promise<T> {
  for (let tried = 1; ; tried++) {
    try {
      return await work();
    } catch (error) {
      if (tried === TRIES || !RETRYABLE.has((error as { code?: string }).code ?? '')) throw error;
      await delay(Math.random() * LONGEST_PAUSE_MS);
    }
  }
}

export async function appendRows(
  sql: SqlExecutor,
  schema: string,
  { aggregateType, aggregateId }: StreamName,
  events: readonly CheckedEvent[],
  expected: ExpectedVersion,
): Promise<readonly AppendRow[]> {
  const { rows } = await sql.query<AppendRow>(`SELECT * FROM ${schema}.append_events($1, $2, $3, $4, $5, $6, $7, $8)`, [
    aggregateType,
    aggregateId,
    String(expected),
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
    row.known_type === event.eventType &&
    row.known_schema_version === event.schemaVersion &&
    hashOf(row.known_data) === hashOf(JSON.parse(event.data))
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
    const { known_aggregate_type: type, known_aggregate_id: id } = row;
    const elsewhere = type !== stream.aggregateType || id !== stream.aggregateId;
    const how = elsewhere ? `in stream ${JSON.stringify(`${type}/${id}`)}` : 'with other content or in another order';
    const message = `event id ${JSON.stringify(event.eventId)} was stored before ${how}: give new events new ids`;
    throw new AmendsError('EVENT_ID_REUSED', message, { details: { eventId: event.eventId } });
  }
  if (known.size === events.length) return { firstVersion: first, lastVersion: first + events.length - 1, duplicate: true };
  throw new AmendsError(
    'PARTIAL_DUPLICATE',
    `${known.size} of these ${events.length} events were stored before: append the same batch again, or only what is new`,
    { details: { known: known.size, count: events.length } },
  );
}

/** What the rows mean. @throws {AmendsError} EVENT_ID_REUSED, PARTIAL_DUPLICATE, WRONG_EXPECTED_VERSION */
export function resultOf(
  stream: StreamName,
  events: readonly CheckedEvent[],
  expected: ExpectedVersion,
  rows: readonly AppendRow[],
): AppendResult {
  const { outcome, at_version: version } = rows[0]!;
  switch (outcome) {
    case 'appended':
      return { firstVersion: version, lastVersion: version + events.length - 1, duplicate: false };
    case 'known':
      return resultOfKnown(stream, events, rows);
    case 'refused': {
      const name = JSON.stringify(`${stream.aggregateType}/${stream.aggregateId}`);
      const message = `stream ${name} is at version ${version}, expected was ${expected}: read the events since, decide again and retry`;
      throw new AmendsError('WRONG_EXPECTED_VERSION', message, { details: { expected, actual: version } });
    }
  }
}
