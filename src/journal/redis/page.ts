import { AmendsError } from '../../errors.ts';
import type { RedisScript } from '../../events/redis/script.ts';
import type { ListFilter, TransactionPage, TransactionSummary } from '../journal.ts';
import { summaryFrom, tagField } from './summary-hash.ts';

/** Entries one script call looks at: about 2 ms, during which Redis serves nobody else. */
const ENTRIES_PER_CALL = 500;
/** Calls for one page. A filter that few fit gives a short page with a cursor rather than a long wait. */
const CALLS_PER_PAGE = 20;

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 200;
const MAX_CURSOR_LENGTH = 4_096;

/** The last entry looked at: its start as Redis wrote it, and its id. */
type Place = readonly [startedAt: string, id: string];

const FIRST: Place = ['', ''];

function encodeCursor(place: Place): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

function decodeCursor(cursor: string): Place {
  if (typeof cursor === 'string' && cursor.length <= MAX_CURSOR_LENGTH && /^[\w-]+$/.test(cursor)) {
    try {
      const place: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
      if (Array.isArray(place) && place.length === 2) {
        const [startedAt, id] = place as unknown[];
        if (typeof startedAt === 'string' && /^\d{1,16}$/.test(startedAt) && typeof id === 'string' && id !== '') return [startedAt, id];
      }
    } catch {
      // not JSON: refused below
    }
  }
  throw new AmendsError('INVALID_OPTION', 'the cursor is not one that a list gave: pass nextCursor of the page before unchanged, or none');
}

function checkLimit(limit: number): number {
  if (Number.isSafeInteger(limit) && limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw new AmendsError('INVALID_OPTION', `limit is ${String(limit)}: give a whole number from 1 to ${MAX_LIMIT}`);
}

/** One page of the list; `script` is list.lua. */
export async function listPage(script: RedisScript, root: string, filter: ListFilter): Promise<TransactionPage> {
  const limit = checkLimit(filter.limit ?? DEFAULT_LIMIT);
  let place = filter.cursor === undefined ? FIRST : decodeCursor(filter.cursor);
  const statuses = [...new Set(filter.status)];
  const conditions = Object.entries(filter.tag ?? {}).flatMap(([name, value]) => [tagField(name), value]);
  if (filter.saga !== undefined) conditions.push('saga', filter.saga);

  const transactions: TransactionSummary[] = [];
  for (let call = 0; call < CALLS_PER_PAGE; call++) {
    const wanted = limit - transactions.length;
    const reply = await script(root, wanted, ENTRIES_PER_CALL, ...place, statuses.length, ...statuses, ...conditions);
    const [startedAt, id, ...rows] = reply as [string, string, ...(string | readonly string[])[]];
    for (let i = 0; i + 1 < rows.length; i += 2) {
      const summary = summaryFrom(rows[i] as string, rows[i + 1] as readonly string[]);
      if (summary !== undefined) transactions.push(summary);
    }
    if (startedAt === '') return { transactions, nextCursor: undefined };
    place = [startedAt, id];
    if (transactions.length >= limit) break;
  }
  return { transactions, nextCursor: encodeCursor(place) };
}
