import { randomUUID } from 'node:crypto';
import { AmendsError } from '../errors.ts';
import { hashOf, toJson, type Json, type PayloadLimits } from '../flows/json.ts';
import {
  TOMBSTONE,
  type ExpectedVersion,
  type NewEvent,
  type StreamAppend,
  type StreamName,
  type TombstoneOptions,
} from './event-store.ts';
import { shownStream } from './refusals.ts';

const MAX_NAME_BYTES = 512;
/** What a column of an SQL store holds. */
export const MAX_SCHEMA_VERSION = 2 ** 31 - 1;
/** Streams of this category are written by the journal alone, which keeps summaries beside them. */
const JOURNAL_CATEGORY = 'transaction';

/** An event as it is stored: complete, checked, its JSON as text. */
export interface CheckedEvent {
  readonly eventId: string;
  readonly eventType: string;
  readonly schemaVersion: number;
  readonly data: string;
  readonly metadata: string;
}

/** Whether the stored event is this one, appended before. The metadata is no part of it: the trace of a retry is another one. */
export function isSameEvent(
  { eventType, schemaVersion, data }: CheckedEvent,
  stored: { readonly eventType: string | null; readonly schemaVersion: number | null; readonly eventData: Json },
): boolean {
  return eventType === stored.eventType && schemaVersion === stored.schemaVersion && hashOf(JSON.parse(data)) === hashOf(stored.eventData);
}

/**
 * Refuses what can't be an id or a name in every store: anything but 1 to 512 bytes of UTF-8 without NUL.
 *
 * @throws {AmendsError} INVALID_ID
 */
export function checkText(what: string, value: unknown): string {
  if (typeof value === 'string' && /^[\x21-\x7e]{1,128}$/.test(value)) return value; // nearly all of them
  const problem = ((): string | undefined => {
    if (typeof value !== 'string') return `is ${value === null ? 'null' : `of type ${typeof value}`}`;
    if (value === '') return 'is empty';
    if (Buffer.byteLength(value) > MAX_NAME_BYTES) return `is longer than ${MAX_NAME_BYTES} bytes`;
    if (value.includes('\0')) return 'contains a NUL character';
    // Half of a surrogate pair has no UTF-8 form: drivers replace it, and two names would become one.
    return /\p{Surrogate}/u.test(value) ? 'contains half of a surrogate pair' : undefined;
  })();
  if (problem === undefined) return value as string;
  throw new AmendsError('INVALID_ID', `${what} ${problem}: use 1 to ${MAX_NAME_BYTES} bytes of text without NUL`);
}

export function checkStream({ aggregateType, aggregateId }: StreamName): void {
  checkText('aggregateType', aggregateType);
  checkText('aggregateId', aggregateId);
}

function checkExpectedVersion(expected: ExpectedVersion): void {
  if (expected === 'none' || expected === 'exists' || expected === 'any') return;
  if (Number.isSafeInteger(expected) && expected >= 0) return;
  throw new AmendsError('INVALID_OPTION', `expectedVersion is ${String(expected)}: give a version from 0, 'none', 'exists' or 'any'`);
}

export function checkVersion(name: string, version: number): number {
  if (Number.isSafeInteger(version) && version >= 1) return version;
  throw new AmendsError('INVALID_OPTION', `${name} is ${String(version)}: versions are whole numbers from 1`);
}

function checkEvent(event: NewEvent, eventId: string, limits: PayloadLimits | undefined): CheckedEvent {
  const { eventType, eventData, schemaVersion = 1, metadata = {} } = event;
  checkText('eventType', eventType);
  if (eventType === TOMBSTONE) {
    throw new AmendsError('NOT_ALLOWED', `eventType "${TOMBSTONE}" says that a stream was deleted: call tombstone(), or use another type`);
  }
  if (!Number.isInteger(schemaVersion) || schemaVersion < 1 || schemaVersion > MAX_SCHEMA_VERSION) {
    throw new AmendsError('INVALID_OPTION', `schemaVersion is ${String(schemaVersion)}: give a whole number from 1`);
  }
  if (metadata === null || typeof metadata !== 'object' || Array.isArray(metadata)) {
    throw new AmendsError('PAYLOAD_NOT_JSON', 'metadata is not an object: give { name: value, … }');
  }
  return {
    eventId,
    eventType,
    schemaVersion,
    data: toJson(eventData, 'eventData', limits),
    metadata: event.metadata === undefined ? '{}' : toJson(metadata, 'metadata', limits),
  };
}

/** The last event of a stream that is deleted. */
export function tombstoneEvent({ reason, metadata = {} }: TombstoneOptions = {}, limits?: PayloadLimits): CheckedEvent {
  const eventId = randomUUID();
  const known = checkEvent({ eventType: 'tombstone', eventData: reason === undefined ? {} : { reason }, metadata }, eventId, limits);
  return { ...known, eventType: TOMBSTONE };
}

/** A checked append to one stream. */
export interface CheckedAppend {
  readonly stream: StreamName;
  readonly events: readonly CheckedEvent[];
  readonly expectedVersion: ExpectedVersion;
}

/** Refuses the journal's streams to those who would write past it. @throws {AmendsError} INVALID_ID, NOT_ALLOWED */
export function checkWritable(stream: StreamName): void {
  checkStream(stream);
  if (stream.aggregateType !== JOURNAL_CATEGORY) return;
  const message = `streams of type "${JOURNAL_CATEGORY}" are the journal's: give your aggregates another aggregateType`;
  throw new AmendsError('NOT_ALLOWED', message);
}

/**
 * What can be told of an append before a store is asked, in the order of the contract.
 *
 * @throws {AmendsError} EMPTY_BATCH, REPEATED_EVENT_ID, INVALID_ID, INVALID_OPTION, NOT_ALLOWED (the journal's stream), PAYLOAD_NOT_JSON,
 * PAYLOAD_TOO_LARGE
 */
export function checkAppends(appends: readonly StreamAppend[], limits: PayloadLimits | undefined): readonly CheckedAppend[] {
  if (appends.length === 0 || appends.some(({ events }) => events.length === 0)) {
    throw new AmendsError('EMPTY_BATCH', 'there is nothing to append: give at least one event');
  }
  const ids = new Set<string>();
  const named = appends.map(({ events }) =>
    events.map((event) => {
      const eventId = checkText('eventId', event.eventId ?? randomUUID());
      if (ids.has(eventId)) {
        const message = `event id ${JSON.stringify(eventId)} stands twice in the batch: give each event its own`;
        throw new AmendsError('REPEATED_EVENT_ID', message, { details: { eventId } });
      }
      ids.add(eventId);
      return { event, eventId };
    }),
  );
  for (const { stream } of appends) checkWritable(stream);
  for (const { expectedVersion } of appends) checkExpectedVersion(expectedVersion);
  return appends.map(({ stream, expectedVersion }, i) => ({
    stream,
    expectedVersion,
    events: named[i]!.map(({ event, eventId }) => checkEvent(event, eventId, limits)),
  }));
}

/** The same for one stream. */
export function checkAppend(
  stream: StreamName,
  events: readonly NewEvent[],
  expectedVersion: ExpectedVersion,
  limits: PayloadLimits | undefined,
): CheckedAppend {
  return checkAppends([{ stream, events, expectedVersion }], limits)[0]!;
}

/** Every writer takes the streams in the order of these. */
export function lockKeyOf({ stream }: CheckedAppend): string {
  return `${stream.aggregateType}\0${stream.aggregateId}`;
}

/**
 * Appends in the order in which every writer takes the streams, each with its place in what was given.
 *
 * @throws {AmendsError} INVALID_OPTION when a stream is named twice
 */
export function inLockOrder(appends: readonly CheckedAppend[]): readonly (CheckedAppend & { readonly place: number })[] {
  const sorted = appends.map((append, place) => ({ ...append, place })).sort((a, b) => (lockKeyOf(a) < lockKeyOf(b) ? -1 : 1));
  const twice = sorted.find((append, i) => i > 0 && lockKeyOf(append) === lockKeyOf(sorted[i - 1]!));
  if (twice === undefined) return sorted;
  throw new AmendsError('INVALID_OPTION', `stream ${shownStream(twice.stream)} is named twice: give all its events in one batch`);
}
