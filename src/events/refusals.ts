import { AmendsError } from '../errors.ts';
import type { ExpectedVersion, StreamName, StreamState } from './event-store.ts';

/** A stream as messages show it. */
export function shownStream({ aggregateType, aggregateId }: StreamName): string {
  return JSON.stringify(`${aggregateType}/${aggregateId}`);
}

/** @param elsewhere The stream that has the id, when it is another one. */
export function eventIdReused(eventId: string, elsewhere?: string): AmendsError {
  const how = elsewhere === undefined ? 'with other content or in another order' : `in stream ${elsewhere}`;
  const message = `event id ${JSON.stringify(eventId)} was stored before ${how}: give new events new ids`;
  return new AmendsError('EVENT_ID_REUSED', message, { details: { eventId } });
}

export function partialDuplicate(known: number, count: number): AmendsError {
  const message = `${known} of these ${count} events were stored before: append the same batch again, or only what is new`;
  return new AmendsError('PARTIAL_DUPLICATE', message, { details: { known, count } });
}

/** Of streams that are written together some were, and some were not. */
export function partlyAppended(known: number, count: number): AmendsError {
  const message = `${known} of these ${count} streams have their events already: append the same to the same streams again, or only what is new`;
  return new AmendsError('PARTIAL_DUPLICATE', message, { details: { known, count } });
}

export function wrongVersion(stream: StreamName, expected: ExpectedVersion, actual: number): AmendsError {
  const message = `stream ${shownStream(stream)} is at version ${actual}, expected was ${expected}: read the events since, decide again and retry`;
  return new AmendsError('WRONG_EXPECTED_VERSION', message, { details: { expected, actual } });
}

export function streamClosed(stream: StreamName, state: StreamState): AmendsError {
  const what = state === 'tombstoned' ? 'was deleted for good, and its id is used up' : 'is closed and takes no more events';
  return new AmendsError('STREAM_CLOSED', `stream ${shownStream(stream)} ${what}: use another aggregateId`, { details: { state } });
}

export function streamNotFound(stream: StreamName): AmendsError {
  const message = `there is no stream ${shownStream(stream)}: check its type and id, the store and the namespace`;
  return new AmendsError('STREAM_NOT_FOUND', message, { details: { ...stream } });
}
