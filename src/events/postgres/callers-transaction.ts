import type { SqlExecutor, SqlResult } from '../../connections/sql.ts';
import { AmendsError } from '../../errors.ts';
import type { CallersTransaction } from '../event-store.ts';

/** What our statements have for parameters. */
type Parameter = string | number | null | undefined | readonly Parameter[];

function textOf(value: Parameter): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  const items = value.map((item) => {
    const text = textOf(item);
    return text === null ? 'NULL' : `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
  });
  return `{${items.join(',')}}`;
}

/**
 * The caller's transaction as what our statements run on. Query builders take parameters of text only: statements that may come here cast them.
 *
 * @throws {AmendsError} INVALID_OPTION
 */
export function executorOf(tx: CallersTransaction): SqlExecutor {
  const given: unknown = tx;
  const isObject = typeof given === 'object' && given !== null;
  if (isObject && 'query' in tx && typeof tx.query === 'function') return tx;
  if (isObject && 'exec' in tx && typeof tx.exec === 'function' && tx.dialect !== 'mysql') {
    return {
      async query<Row>(sql: string, params: readonly unknown[] = []): Promise<SqlResult<Row>> {
        const { rows, rowCount } = await tx.exec(sql, (params as readonly Parameter[]).map(textOf));
        return { rows: rows as readonly unknown[] as Row[], rowCount };
      },
    };
  }
  throw new AmendsError(
    'INVALID_OPTION',
    'tx is no transaction on PostgreSQL: give the pg client that has begun one, or drizzleExecutor(tx, sql), kyselyExecutor(trx), … of amends/barrier',
  );
}
