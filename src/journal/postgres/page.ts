import type { SqlExecutor } from '../../connections/sql.ts';
import { AmendsError } from '../../errors.ts';
import type { ListFilter, TransactionPage } from '../journal.ts';
import { summaryColumns, summaryFrom, type SummaryRow } from './summary-row.ts';

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 200;
const MAX_CURSOR_LENGTH = 4_096;
/** The last moment a `Date` can hold, and thus the last that a list can have shown. */
const MAX_TIME_MS = 8.64e15;

/** The last transaction of a page: when it started, and its id. */
type Place = readonly [startedAtMs: number, id: string];

function encodeCursor(place: Place): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

function decodeCursor(cursor: string): Place {
  if (typeof cursor === 'string' && cursor.length <= MAX_CURSOR_LENGTH && /^[\w-]+$/.test(cursor)) {
    try {
      const place: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
      if (Array.isArray(place) && place.length === 2) {
        const [startedAtMs, id] = place as unknown[];
        const isTime = Number.isSafeInteger(startedAtMs) && Math.abs(startedAtMs as number) <= MAX_TIME_MS;
        if (isTime && typeof id === 'string' && id !== '' && !id.includes('\0')) return [startedAtMs as number, id];
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

/** A moment from milliseconds, exact: a division would round. */
export function momentOf(parameter: string): string {
  return `(timestamptz 'epoch' + ${parameter}::double precision * interval '1 millisecond')`;
}

/** One page of the list, newest start first; of those that started in the same millisecond, the greater id first. */
export async function listPage(sql: SqlExecutor, schema: string, filter: ListFilter): Promise<TransactionPage> {
  const limit = checkLimit(filter.limit ?? DEFAULT_LIMIT);
  const params: unknown[] = [];
  const parameter = (value: unknown): string => `$${params.push(value)}`;
  const conditions: string[] = [];
  if (filter.saga !== undefined) conditions.push(`saga = ${parameter(filter.saga)}`);
  const [status, ...more] = filter.status ?? [];
  if (more.length > 0) conditions.push(`status = ANY (${parameter([status, ...more])}::text[])`);
  else if (status !== undefined) conditions.push(`status = ${parameter(status)}`);
  const tag = filter.tag ?? {};
  // The second half is what the index says of itself.
  if (Object.keys(tag).length > 0) conditions.push(`tags @> ${parameter(JSON.stringify(tag))}::jsonb AND tags <> '{}'`);
  if (filter.cursor !== undefined) {
    const [startedAtMs, id] = decodeCursor(filter.cursor);
    conditions.push(`(started_at, id) < (${momentOf(parameter(startedAtMs))}, ${parameter(id)})`);
  }
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  const { rows } = await sql.query<SummaryRow>(
    `SELECT ${summaryColumns(schema)} FROM ${schema}.transactions ${where} ORDER BY started_at DESC, id DESC LIMIT ${parameter(limit + 1)}`,
    params,
  );
  const transactions = rows.slice(0, limit).map(summaryFrom);
  const last = transactions.at(-1);
  const nextCursor = rows.length > limit && last !== undefined ? encodeCursor([last.startedAtMs, last.id]) : undefined;
  return { transactions, nextCursor };
}
