import { AmendsError } from '../errors.ts';
import type { ListFilter } from './journal.ts';

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 200;
const MAX_CURSOR_LENGTH = 4_096;
/** The last moment a `Date` can hold, and thus the last that a list can have shown. */
const MAX_TIME_MS = 8.64e15;

const MAX_TEXT_LENGTH = 500;
const MAX_SAGAS = 500;

/** Where a page of a list ended: when its last transaction started, and its id. */
export type Place = readonly [startedAtMs: number, id: string];

/** A place as an opaque text that stands in a URL. */
export function encodeCursor(place: Place): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

/** @throws {AmendsError} INVALID_OPTION when a cursor isn't ours */
export function decodeCursor(cursor: string): Place {
  if (typeof cursor === 'string' && cursor.length <= MAX_CURSOR_LENGTH && /^[\w-]+$/.test(cursor)) {
    try {
      const place: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
      if (Array.isArray(place) && place.length === 2) {
        const [startedAtMs, id] = place as unknown[];
        const isTime = Number.isSafeInteger(startedAtMs) && (startedAtMs as number) >= 0 && (startedAtMs as number) <= MAX_TIME_MS;
        if (isTime && typeof id === 'string' && id !== '' && !id.includes('\0')) return [startedAtMs as number, id];
      }
    } catch {
      // not JSON: refused below
    }
  }
  throw new AmendsError('INVALID_OPTION', 'the cursor is not one that a list gave: pass nextCursor of the page before unchanged, or none');
}

/** @throws {AmendsError} INVALID_OPTION when a page's limit is out of range */
export function resolveLimit(limit: number = DEFAULT_LIMIT): number {
  if (Number.isSafeInteger(limit) && limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw new AmendsError('INVALID_OPTION', `limit is ${String(limit)}: give a whole number from 1 to ${MAX_LIMIT}`);
}

/** The sagas a filter names; none: any. */
export function sagasOf({ saga }: Pick<ListFilter, 'saga'>): readonly string[] {
  return saga === undefined ? [] : typeof saga === 'string' ? [saga] : [...new Set(saga)];
}

/** ASCII letters in lower case: what every store can do, and does alike. */
export function asciiLower(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** @throws {AmendsError} INVALID_OPTION when a condition can't be looked for */
export function checkFilter({ saga, idPrefix, error, fromMs, toMs }: ListFilter): void {
  for (const [name, time] of Object.entries({ fromMs, toMs })) {
    if (time === undefined || (Number.isSafeInteger(time) && time >= 0 && time <= MAX_TIME_MS)) continue;
    throw new AmendsError('INVALID_OPTION', `${name} is ${String(time)}: give whole milliseconds since the epoch`);
  }
  for (const [name, text] of Object.entries({ idPrefix, error })) {
    if (text === undefined || (typeof text === 'string' && text.length <= MAX_TEXT_LENGTH && !text.includes('\0'))) continue;
    throw new AmendsError('INVALID_OPTION', `${name} can't be looked for: give a text of at most ${MAX_TEXT_LENGTH} characters`);
  }
  if (typeof saga === 'object' && (saga.length === 0 || saga.length > MAX_SAGAS)) {
    throw new AmendsError('INVALID_OPTION', `saga has ${saga.length} names: give 1 to ${MAX_SAGAS}, or leave it out for all`);
  }
}
