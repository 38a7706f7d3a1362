import { checkText } from '../batch.ts';
import type { StreamName } from '../event-store.ts';

/**
 * A stream's name as it stands in keys. Colons of the type are escaped, so that no two names give one key.
 *
 * @throws {AmendsError} INVALID_ID
 */
export function streamKeyOf({ aggregateType, aggregateId }: StreamName): string {
  const type = checkText('aggregateType', aggregateType).replace(/[%:]/g, encodeURIComponent);
  return `${type}:${checkText('aggregateId', aggregateId)}`;
}
