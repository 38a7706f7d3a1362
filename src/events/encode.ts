import { randomUUID } from 'node:crypto';
import { AmendsError } from '../errors.ts';
import { toJson, type Json, type PayloadLimits } from '../flows/json.ts';
import { parseWith } from '../flows/schema.ts';
import { checkText } from './batch.ts';
import { nextEventIds } from './cause.ts';
import type { CallersTransaction, NewEvent, StreamName } from './event-store.ts';
import type { AnyEventStream } from './event-stream.ts';
import { encryptFields, PERSONAL, type JsonObject } from './personal-data.ts';
import type { SubjectKeys } from './subject-keys.ts';

/** An event as it is given to `append`, whatever its definition. */
export interface GivenEvent {
  readonly type: string;
  readonly data: unknown;
  readonly eventId?: string | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

interface Parsed extends Required<Pick<NewEvent, 'eventId' | 'eventType' | 'schemaVersion'>> {
  readonly data: Json;
  readonly metadata: Readonly<Record<string, Json>>;
  /** The person whose fields are to be encrypted. */
  readonly subject: string | undefined;
}

export interface EncodeOptions {
  readonly subjectKeys: SubjectKeys;
  readonly limits: PayloadLimits | undefined;
  /** For events that have none of the same name. */
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly tx: CallersTransaction | undefined;
}

function checkedMetadata(given: Readonly<Record<string, unknown>>, limits: PayloadLimits | undefined): Readonly<Record<string, Json>> {
  const reserved = Object.keys(given).find((name) => name.startsWith('$'));
  if (reserved !== undefined) {
    throw new AmendsError('INVALID_INPUT', `metadata "${reserved}": names that begin with $ are the store's own, take another`);
  }
  return JSON.parse(toJson(given, 'metadata', limits)) as Record<string, Json>;
}

async function parse(
  stream: AnyEventStream,
  name: StreamName,
  event: GivenEvent,
  eventId: string,
  options: EncodeOptions,
): Promise<Parsed> {
  const { limits } = options;
  const { type: eventType } = event;
  const schema = Object.hasOwn(stream.schemas, eventType) ? stream.schemas[eventType] : undefined;
  if (schema === undefined) {
    const types = Object.keys(stream.schemas).map((type) => `"${type}"`);
    throw new AmendsError(
      'INVALID_INPUT',
      `event stream "${stream.name}" has no event ${JSON.stringify(eventType)}: it has ${types.join(', ')}`,
    );
  }
  const what = `the data of event "${eventType}"`;
  const data = JSON.parse(toJson(await parseWith(schema, event.data, what), what, limits)) as Json;
  const parsed = { eventId, eventType, schemaVersion: stream.schemaVersions[eventType]!, data };
  const metadata = checkedMetadata({ ...options.metadata, ...event.metadata }, limits);
  const personal = stream.personal[eventType];
  if (personal === undefined) return { ...parsed, metadata, subject: undefined };
  const subject = personal.subject === undefined ? name.aggregateId : (data as JsonObject)[personal.subject];
  return { ...parsed, metadata, subject: checkText(`${what}: the person (${personal.subject ?? 'aggregateId'})`, subject) };
}

/**
 * Events as they are stored: checked by their schemas, with an id and the metadata they share, and what is personal encrypted.
 *
 * @throws {AmendsError} INVALID_INPUT, INVALID_ID, PAYLOAD_NOT_JSON, PAYLOAD_TOO_LARGE
 */
export async function encodeEvents(
  stream: AnyEventStream,
  name: StreamName,
  events: readonly GivenEvent[],
  options: EncodeOptions,
): Promise<readonly NewEvent[]> {
  const ids = nextEventIds(`${name.aggregateType}/${name.aggregateId}`, events.length);
  const parsed = await Promise.all(
    events.map((event, i) => parse(stream, name, event, event.eventId ?? ids?.[i] ?? randomUUID(), options)),
  );
  const subjects = parsed.flatMap(({ subject }) => subject ?? []);
  const keys = subjects.length === 0 ? undefined : await options.subjectKeys.obtain(subjects, options.tx);
  return parsed.map(({ data, subject, metadata, ...event }) => {
    const found = subject === undefined ? undefined : keys?.get(subject);
    if (found === undefined) return { ...event, eventData: data, metadata };
    const hidden = encryptFields(data as JsonObject, stream.personal[event.eventType]!.fields, event.eventId, found.key);
    if (hidden.fields.length === 0) return { ...event, eventData: data, metadata };
    return { ...event, eventData: hidden.data, metadata: { ...metadata, [PERSONAL]: { key: found.keyId, fields: hidden.fields } } };
  });
}
