import { AmendsError } from '../errors.ts';

/** Transactions one call to the store removes: it serves others in between. */
const REMOVED_PER_CALL = 100;

/**
 * Removes ended transactions in small calls. Gives how many it removed.
 *
 * @param remove Removes up to `wanted` that ended before then, and gives how many.
 * @throws {AmendsError} INVALID_OPTION
 */
export async function purgeInCalls(
  { endedBeforeMs, limit }: { readonly endedBeforeMs: number; readonly limit: number },
  remove: (endedBeforeMs: number, wanted: number) => Promise<number>,
): Promise<number> {
  if (!Number.isFinite(endedBeforeMs)) {
    throw new AmendsError('INVALID_OPTION', `endedBeforeMs is ${String(endedBeforeMs)}: give milliseconds`);
  }
  if (!Number.isSafeInteger(limit) || limit < 1) {
    throw new AmendsError('INVALID_OPTION', `limit is ${String(limit)}: give a whole number from 1`);
  }
  let removed = 0;
  while (removed < limit) {
    const wanted = Math.min(REMOVED_PER_CALL, limit - removed);
    const count = await remove(endedBeforeMs, wanted);
    removed += count;
    if (count < wanted) break;
  }
  return removed;
}
