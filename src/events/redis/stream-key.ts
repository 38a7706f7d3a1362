import { checkText } from '../batch.ts';
import type { StreamName } from '../event-store.ts';

/**
 * A stream's name as it stands in keys. Colons of the type are escaped, so that no two names give one key.
 *
 * @throws {AmendsError} INVALID_ID
 */
export function streamKeyOf({ aggregateType, aggregateId }: StreamName): string {
  return `${categoryKeyOf(aggregateType)}:${checkText('aggregateId', aggregateId)}`;
}

/** A category as it stands in keys: the beginning of its streams' keys, up to the colon. */
export function categoryKeyOf(aggregateType: string): string {
  return checkText('aggregateType', aggregateType).replace(/[%:]/g, encodeURIComponent);
}

/** The name of the stream that stands under a key. */
export function streamNameOf(key: string): StreamName {
  const colon = key.indexOf(':');
  return { aggregateType: decodeURIComponent(key.slice(0, colon)), aggregateId: key.slice(colon + 1) };
}
