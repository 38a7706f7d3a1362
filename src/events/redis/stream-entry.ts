import type { Json } from '../../flows/json.ts';
import { AmendsError } from '../../errors.ts';
import type { RecordedEvent, StreamName } from '../event-store.ts';

/** An entry of a Redis stream: `<version>-0`, and its fields and values in turn. */
export type StreamEntry = readonly [id: string, fields: readonly string[]];

/** What an entry holds, before its texts are parsed. */
export interface EntryFields {
  readonly version: number;
  readonly type: string;
  readonly data: string;
  readonly atMs: number;
  /** Left out by the journal: it follows from the stream and the version. */
  readonly id: string | undefined;
  readonly schema: string | undefined;
  readonly meta: string | undefined;
}

export function entryFields([id, fields]: StreamEntry): EntryFields {
  const found: Record<string, string | undefined> = {};
  for (let i = 0; i + 1 < fields.length; i += 2) found[fields[i]!] = fields[i + 1]!;
  return {
    version: Number.parseInt(id, 10),
    type: found['type'] ?? '',
    data: found['data'] ?? '',
    atMs: Number(found['at']),
    id: found['id'],
    schema: found['schema'],
    meta: found['meta'],
  };
}

/** Parses what this store wrote. @throws {AmendsError} STORE_CORRUPT */
export function parseStored(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AmendsError('STORE_CORRUPT', `${where} holds no JSON: it was written by something else, restore it from a backup`, { cause });
  }
}

export function recordedEvent(stream: StreamName, entry: StreamEntry): RecordedEvent {
  const { version, type, data, atMs, id, schema, meta } = entryFields(entry);
  const where = `event ${version} of ${stream.aggregateType} ${JSON.stringify(stream.aggregateId)}`;
  return {
    aggregateType: stream.aggregateType,
    aggregateId: stream.aggregateId,
    eventId: id ?? `${stream.aggregateId}/${version}`,
    version,
    eventType: type,
    eventData: parseStored(data, where) as Json,
    schemaVersion: schema === undefined ? 1 : Number(schema),
    metadata: meta === undefined ? {} : (parseStored(meta, where) as Record<string, Json>),
    timestamp: new Date(atMs),
  };
}
