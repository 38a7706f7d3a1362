import type { SqlExecutor } from '../../connections/sql.ts';
import type { ListFilter, TransactionPage } from '../journal.ts';
import { asciiLower, checkFilter, decodeCursor, encodeCursor, resolveLimit, sagasOf } from '../page-limits.ts';
import { summaryColumns, summaryFrom, type SummaryRow } from './summary-row.ts';

/** A moment from milliseconds, exact: a division would round. */
export function momentOf(parameter: string): string {
  return `(timestamptz 'epoch' + ${parameter}::double precision * interval '1 millisecond')`;
}

/** Rows that a search for a text looks at: for one page some 20 ms of the server. */
const MOST_LOOKED_AT = 10_000;

/** What comes after every text that begins so, in the order of bytes. */
const AFTER_ALL = '\u{10ffff}';

type Parameter = (value: unknown) => string;

function conditionsOf(filter: ListFilter, parameter: Parameter): readonly string[] {
  const conditions: string[] = [];
  const oneOf = (column: string, [first, ...more]: readonly string[]): void => {
    if (more.length > 0) conditions.push(`${column} = ANY (${parameter([first, ...more])}::text[])`);
    else if (first !== undefined) conditions.push(`${column} = ${parameter(first)}`);
  };
  oneOf('saga', sagasOf(filter));
  oneOf('status', filter.status ?? []);
  const { tag = {}, idPrefix, fromMs, toMs, cursor } = filter;
  // The second half is what the index says of itself.
  if (Object.keys(tag).length > 0) conditions.push(`tags @> ${parameter(JSON.stringify(tag))}::jsonb AND tags <> '{}'`);
  if (idPrefix !== undefined) conditions.push(`id >= ${parameter(idPrefix)} AND id < ${parameter(idPrefix + AFTER_ALL)}`);
  if (fromMs !== undefined) conditions.push(`started_at >= ${momentOf(parameter(fromMs))}`);
  if (toMs !== undefined) conditions.push(`started_at < ${momentOf(parameter(toMs))}`);
  if (cursor !== undefined) {
    const [startedAtMs, id] = decodeCursor(cursor);
    conditions.push(`(started_at, id) < (${momentOf(parameter(startedAtMs))}, ${parameter(id)})`);
  }
  return conditions;
}

/** Of the first rows that fit the rest, those with the text in their error; and, marked, the last that was looked at if there may be more. */
function searchText(schema: string, where: string, wanted: string, limit: string): string {
  return `WITH looked AS MATERIALIZED (
      SELECT * FROM ${schema}.transactions ${where} ORDER BY started_at DESC, id DESC LIMIT ${MOST_LOOKED_AT}
    ), found AS (
      SELECT *, false AS last FROM looked WHERE position(${wanted} IN lower(error COLLATE "C")) > 0 ORDER BY started_at DESC, id DESC LIMIT ${limit}
    ), ended AS (
      SELECT *, true AS last FROM looked ORDER BY started_at DESC, id DESC OFFSET ${MOST_LOOKED_AT - 1} LIMIT 1
    )
    SELECT ${summaryColumns(schema)}, last FROM (SELECT * FROM found UNION ALL SELECT * FROM ended) rows ORDER BY last, started_at DESC, id DESC`;
}

/** One page of the list, newest start first; of those that started in the same millisecond, the greater id first. */
export async function listPage(sql: SqlExecutor, schema: string, filter: ListFilter): Promise<TransactionPage> {
  const limit = resolveLimit(filter.limit);
  checkFilter(filter);
  const params: unknown[] = [];
  const parameter = (value: unknown): string => `$${params.push(value)}`;
  const conditions = conditionsOf(filter, parameter);
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  const text =
    filter.error === undefined
      ? `SELECT ${summaryColumns(schema)} FROM ${schema}.transactions ${where} ORDER BY started_at DESC, id DESC LIMIT ${parameter(limit + 1)}`
      : searchText(schema, where, `${parameter(asciiLower(filter.error))}::text`, parameter(limit + 1));
  const { rows } = await sql.query<SummaryRow & { readonly last?: boolean }>(text, params);
  const found = rows.filter(({ last }) => last !== true).map(summaryFrom);
  const transactions = found.slice(0, limit);
  const end = found.length > limit ? transactions.at(-1) : rows.filter(({ last }) => last === true).map(summaryFrom)[0];
  return { transactions, nextCursor: end === undefined ? undefined : encodeCursor([end.startedAtMs, end.id]) };
}
