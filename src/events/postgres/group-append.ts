import { Gathering } from '../../connections/gathering.ts';
import { persistently, type SqlExecutor } from '../../connections/sql.ts';
import { isAmendsError } from '../../errors.ts';
import { lockKeyOf, type CheckedAppend } from '../batch.ts';
import type { AppendResult } from '../event-store.ts';
import { appendRows, resultOf, type AppendRow } from './append.ts';

/** Most appends of one call: they hold their streams until all of them are stored. */
const MOST = 32;

/** Appends, those that come while others are under way together: one round trip and one transaction for all of them. */
export function groupAppend(sql: SqlExecutor, schema: string): (append: CheckedAppend) => Promise<AppendResult> {
  const text = `SELECT * FROM ${schema}.append_groups($1, $2, $3, $4, $5, $6, $7, $8, $9)`;

  async function send(appends: readonly CheckedAppend[]): Promise<readonly (readonly AppendRow[])[]> {
    const [alone, ...others] = appends;
    if (alone !== undefined && others.length === 0) return [await persistently(() => appendRows(sql, schema, alone))];
    // In one order everywhere, or two processes could each hold what the other one waits for. Those to one stream stay in theirs.
    const sorted = appends
      .map((append) => ({ append, key: lockKeyOf(append) }))
      .sort((a, b) => (a.key < b.key ? -1 : Number(a.key > b.key)));
    const all = sorted.map(({ append }) => append);
    const events = all.flatMap((append) => append.events);
    const { rows } = await persistently(() =>
      sql.query<AppendRow & { readonly place: number }>(text, [
        all.map(({ stream }) => stream.aggregateType),
        all.map(({ stream }) => stream.aggregateId),
        all.map(({ expectedVersion }) => String(expectedVersion)),
        all.map((append) => append.events.length),
        events.map(({ eventId }) => eventId),
        events.map(({ eventType }) => eventType),
        events.map(({ schemaVersion }) => schemaVersion),
        events.map(({ data }) => data),
        events.map(({ metadata }) => metadata),
      ]),
    );
    const rowsOf = new Map<CheckedAppend, AppendRow[]>(appends.map((append) => [append, []]));
    for (const row of rows) rowsOf.get(all[row.place - 1]!)!.push(row);
    return appends.map((append) => rowsOf.get(append)!);
  }

  const gathering = new Gathering({
    send,
    most: MOST,
    // Where the connection was lost, they may have been stored.
    isDefinite: (error) => !isAmendsError(error, 'STORE_UNREACHABLE'),
  });
  return async (append) => resultOf(append, await gathering.add(append));
}
