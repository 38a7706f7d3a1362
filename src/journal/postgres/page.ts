import type { SqlExecutor } from '../../connections/sql.ts';
import type { ListFilter, TransactionPage } from '../journal.ts';
import { decodeCursor, encodeCursor, resolveLimit } from '../page-limits.ts';
import { summaryColumns, summaryFrom, type SummaryRow } from './summary-row.ts';

/** A moment from milliseconds, exact: a division would round. */
export function momentOf(parameter: string): string {
  return `(timestamptz 'epoch' + ${parameter}::double precision * interval '1 millisecond')`;
}

/** One page of the list, newest start first; of those that started in the same millisecond, the greater id first. */
export async function listPage(sql: SqlExecutor, schema: string, filter: ListFilter): Promise<TransactionPage> {
  const limit = resolveLimit(filter.limit);
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
