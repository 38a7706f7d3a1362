import { AmendsError } from '../errors.ts';
import type { Json } from '../flows/json.ts';
import type { RecordedEvent } from './event-store.ts';
import type { AnyEventStream, EventOf, KnownEvent, UnknownEvent } from './event-stream.ts';
import { decryptFields, PERSONAL, personalOf, type JsonObject } from './personal-data.ts';
import type { SubjectKeys } from './subject-keys.ts';

type Metadata = Readonly<Record<string, Json | undefined>>;

function withoutMark(metadata: Metadata): Metadata {
  if (!Object.hasOwn(metadata, PERSONAL)) return metadata;
  const { [PERSONAL]: _mark, ...rest } = metadata;
  return rest;
}

function upcast(stream: AnyEventStream, event: RecordedEvent, data: unknown): unknown {
  const newest = stream.schemaVersions[event.eventType]!;
  if (event.schemaVersion > newest) {
    throw new AmendsError(
      'UNKNOWN_DEFINITION',
      `event ${event.version} of ${stream.name} ${JSON.stringify(event.aggregateId)} is "${event.eventType}" in schema version ${event.schemaVersion}, and this process knows ${newest}: deploy the definition that wrote it`,
      { details: { eventType: event.eventType, schemaVersion: event.schemaVersion, known: newest } },
    );
  }
  let value = data;
  for (const up of stream.upcasts[event.eventType]?.slice(event.schemaVersion - 1) ?? []) value = (up as (data: unknown) => unknown)(value);
  return value;
}

function decodeOne(
  stream: AnyEventStream,
  event: RecordedEvent,
  keys: ReadonlyMap<string, Buffer>,
): KnownEvent<string, string, unknown> | UnknownEvent {
  const { aggregateType, aggregateId, eventId, version, eventType, schemaVersion, timestamp } = event;
  const mark = personalOf(event.metadata);
  const { data, forgotten } =
    mark === undefined
      ? { data: event.eventData, forgotten: [] }
      : decryptFields(event.eventData as JsonObject, mark.fields, eventId, keys.get(mark.key));
  const metadata = withoutMark(event.metadata);
  const shared = { stream: aggregateType, aggregateId, eventId, version, eventType, schemaVersion, metadata, timestamp, forgotten };
  // Own keys only: a type may be called "constructor" by somebody else.
  if (!Object.hasOwn(stream.schemas, eventType)) return { type: '$unknown', ...shared, data };
  return { type: eventType, ...shared, data: upcast(stream, event, data) };
}

/**
 * Stored events as their definition shows them: personal data decrypted, old data brought to the newest schema version, types that the
 * definition lacks as `$unknown`. At most one question to the store for all of them.
 *
 * @throws {AmendsError} UNKNOWN_DEFINITION when an event is newer than the definition; whatever an upcast throws
 */
export async function decodeEvents<Stream extends AnyEventStream>(
  streams: readonly Stream[],
  events: readonly RecordedEvent[],
  subjectKeys: SubjectKeys,
): Promise<readonly EventOf<Stream>[]> {
  const keyIds = new Set(events.flatMap(({ metadata }) => personalOf(metadata)?.key ?? []));
  const keys = keyIds.size === 0 ? new Map<string, Buffer>() : await subjectKeys.find([...keyIds]);
  const byName = new Map(streams.map((stream) => [stream.name, stream]));
  return events.map((event) => {
    const stream = byName.get(event.aggregateType);
    if (stream === undefined) throw new AmendsError('INVALID_OPTION', `no definition of stream "${event.aggregateType}" was given`);
    return decodeOne(stream, event, keys) as EventOf<Stream>;
  });
}
