import { AmendsError } from '../errors.ts';
import { checkText } from './batch.ts';
import type { LogReadOptions } from './global-log.ts';

const DEFAULT_LIMIT = 500;
const MOST = 1_000;
/** With a filter most entries may be none of the reader's: it looks at more of them in one call. */
const SCANNED_PER_EVENT = 4;
const LEAST_SCANNED = 500;

/** @throws {AmendsError} INVALID_OPTION */
export function checkPosition(name: string, position: number): number {
  if (Number.isSafeInteger(position) && position >= 0) return position;
  throw new AmendsError('INVALID_OPTION', `${name} is ${String(position)}: positions are whole numbers from 0`);
}

export interface ResolvedRead {
  readonly limit: number;
  /** Entries of the log that are looked at in one call. */
  readonly scan: number;
  readonly categories: readonly string[] | undefined;
  readonly partitions: number;
  readonly partition: number;
  readonly mark: string;
}

/** @throws {AmendsError} INVALID_OPTION, INVALID_ID */
export function resolveRead({ limit = DEFAULT_LIMIT, categories, partition, mark = '' }: LogReadOptions): ResolvedRead {
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > MOST) {
    throw new AmendsError('INVALID_OPTION', `limit is ${String(limit)}: give a whole number from 1 to ${MOST}`);
  }
  if (categories?.length === 0) throw new AmendsError('INVALID_OPTION', 'categories is empty: name at least one, or leave it out');
  for (const category of categories ?? []) checkText('category', category);
  const { index, count } = partition ?? { index: 0, count: 0 };
  const inRange = Number.isSafeInteger(count) && Number.isSafeInteger(index) && index >= 0 && index < count;
  if (partition !== undefined && !inRange) {
    throw new AmendsError('INVALID_OPTION', `partition ${index} of ${count} does not exist: they are counted from 0`);
  }
  return { limit, scan: Math.max(LEAST_SCANNED, SCANNED_PER_EVENT * limit), categories, partitions: count, partition: index, mark };
}

/** A reader that was further than the log is now. */
export function lostWrites(position: number, head: number): AmendsError {
  return new AmendsError(
    'STORE_CORRUPT',
    `position ${position} was read before, and the log of events ends at ${head} or holds something else there: the store lost writes (a failover, or a restore from an older backup). Compare your read models with the streams, and rebuild them`,
    { details: { position, head } },
  );
}
