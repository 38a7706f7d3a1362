import type { SqlExecutor } from '../../src/connections/sql.ts';

/** Tables whose name or schema begins with the namespace and that hold a row with this text. */
export async function tablesWith(sql: SqlExecutor, namespace: string, text: string): Promise<string[]> {
  const { rows: tables } = await sql.query<{ name: string }>(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE starts_with(schemaname, $1) OR starts_with(tablename, $1)`,
    [namespace],
  );
  if (tables.length === 0) throw new Error(`no table of namespace ${namespace}: the search for traces looks in the wrong place`);
  const found: string[] = [];
  for (const { name } of tables) {
    const { rows } = await sql.query(`SELECT 1 FROM ${name} AS t WHERE position($1 IN t::text) > 0 LIMIT 1`, [text]);
    if (rows.length > 0) found.push(name);
  }
  return found;
}

export async function sqlTimeMs(sql: SqlExecutor): Promise<number> {
  const { rows } = await sql.query<{ ms: string }>('SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::text AS ms');
  return Number(rows[0]!.ms);
}
