import type { RedisScript } from '../../events/redis/script.ts';
import type { ListFilter, TransactionPage, TransactionSummary } from '../journal.ts';
import { asciiLower, checkFilter, decodeCursor, encodeCursor, resolveLimit, sagasOf } from '../page-limits.ts';
import { summaryFrom, tagField } from './summary-hash.ts';

/** Entries one script call looks at: about 2 ms, during which Redis serves nobody else. */
const ENTRIES_PER_CALL = 500;
/** Calls for one page. A filter that few fit gives a short page with a cursor rather than a long wait. */
const CALLS_PER_PAGE = 20;

/** The last entry looked at: its start as Redis wrote it, and its id. */
type Entry = readonly [startedAt: string, id: string];

const FIRST: Entry = ['', ''];

function entryAt(cursor: string): Entry {
  const [startedAtMs, id] = decodeCursor(cursor);
  return [String(startedAtMs), id];
}

/** One page of the list; `script` is list.lua. */
export async function listPage(script: RedisScript, root: string, filter: ListFilter): Promise<TransactionPage> {
  const limit = resolveLimit(filter.limit);
  checkFilter(filter);
  let place = filter.cursor === undefined ? FIRST : entryAt(filter.cursor);
  const statuses = [...new Set(filter.status)];
  const sagas = sagasOf(filter);
  const tags = Object.entries(filter.tag ?? {}).flatMap(([name, value]) => [tagField(name), value]);
  const { fromMs = '', toMs = '', idPrefix = '' } = filter;
  const conditions = [
    fromMs,
    toMs,
    idPrefix,
    asciiLower(filter.error ?? ''),
    statuses.length,
    sagas.length,
    ...statuses,
    ...sagas,
    ...tags,
  ];

  const transactions: TransactionSummary[] = [];
  for (let call = 0; call < CALLS_PER_PAGE; call++) {
    const wanted = limit - transactions.length;
    const reply = await script(root, wanted, ENTRIES_PER_CALL, ...place, ...conditions);
    const [startedAt, id, ...rows] = reply as [string, string, ...(string | readonly string[])[]];
    for (let i = 0; i + 1 < rows.length; i += 2) {
      const summary = summaryFrom(rows[i] as string, rows[i + 1] as readonly string[]);
      if (summary !== undefined) transactions.push(summary);
    }
    if (startedAt === '') return { transactions, nextCursor: undefined };
    place = [startedAt, id];
    if (transactions.length >= limit) break;
  }
  return { transactions, nextCursor: encodeCursor([Number(place[0]), place[1]]) };
}
