import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { openRedis } from '../../../src/connections/redis.ts';
import type { SqlExecutor } from '../../../src/connections/sql.ts';
import { eventually } from '../../support/eventually.ts';

/**
 * What the server itself says was written, whoever sent it: one entry for each statement of each atomic write. By this the points that the
 * interceptor found are told to be all of them.
 */
export interface WriteAudit {
  end(): Promise<readonly string[]>;
}

interface Monitored {
  readonly statement: string;
  writes: boolean;
}

async function writeCommands(redis: Redis): Promise<ReadonlySet<string>> {
  const commands = (await redis.call('COMMAND')) as readonly (readonly [string, number, readonly string[]])[];
  const flags = (list: readonly string[] | ReadonlySet<string>): readonly string[] => [...list];
  return new Set(commands.filter(([, , of]) => flags(of).includes('write') && !flags(of).includes('blocking')).map(([name]) => name));
}

const ESCAPED: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', a: '\u0007', b: '\b' };

/** The monitor shows what is not printable the way C does. */
function unescaped(text: string): string {
  return text.replace(/\\(?:x([0-9a-f]{2})|(.))/g, (_, hex: string | undefined, letter: string) =>
    hex === undefined ? (ESCAPED[letter] ?? letter) : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** The hash a script is called by, or the command's name, and the first key. */
function statementOf([name = '', first = '', , key = '']: readonly string[]): string {
  const command = name.toLowerCase();
  if (command === 'eval') return `${createHash('sha1').update(unescaped(first), 'latin1').digest('hex')} ${key}`;
  return command === 'evalsha' ? `${first} ${key}` : `${command} ${first}`;
}

/** Everything with this text in it that Redis carries out from now on, and that wrote. Shows a script first, and then what it calls. */
export async function auditRedis(url: string, text: string): Promise<WriteAudit> {
  const redis = await openRedis(url, { connectionName: 'amends-audit' });
  const writing = await writeCommands(redis);
  const monitor = await redis.monitor();
  const seen: Monitored[] = [];
  let current: Monitored | undefined;
  let marked = '';
  monitor.on('monitor', (_time: string, args: string[], source: string) => {
    if (source === 'lua') {
      if (current !== undefined && writing.has(args[0]?.toLowerCase() ?? '')) current.writes = true;
      return;
    }
    const [command = '', argument = ''] = args;
    if (command.toLowerCase() === 'echo') marked = argument;
    current = args.some((arg) => arg.includes(text))
      ? { statement: statementOf(args), writes: writing.has(command.toLowerCase()) }
      : undefined;
    if (current !== undefined) seen.push(current);
  });
  return {
    async end() {
      const mark = `audit of ${text} ends`;
      await redis.echo(mark);
      await eventually(() => {
        if (marked !== mark) throw new Error('the monitor of Redis lags behind');
      });
      monitor.disconnect();
      await redis.quit();
      return seen.filter(({ writes }) => writes).map(({ statement }) => statement);
    },
  };
}

function normalised(text: string): string {
  return text
    .replace(/--[^\n]*/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}

/** Every transaction that changes a row of these schemas from now on, by triggers on all their tables. */
export async function auditSql(sql: SqlExecutor, schemas: readonly string[]): Promise<WriteAudit['end']> {
  await sql.query('CREATE SCHEMA audit');
  await sql.query('CREATE TABLE audit.writes (seq bigserial, xid xid8 NOT NULL, query text NOT NULL)');
  await sql.query(`CREATE FUNCTION audit.note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN INSERT INTO audit.writes (xid, query) VALUES (pg_current_xact_id(), current_query()); RETURN NULL; END $$`);
  await sql.query(`DO $do$ DECLARE t record; BEGIN
    FOR t IN SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN (${schemas.map((schema) => `'${schema}'`).join(', ')}) LOOP
      EXECUTE format('CREATE TRIGGER amends_audit AFTER INSERT OR UPDATE OR DELETE ON %I.%I FOR EACH ROW EXECUTE FUNCTION audit.note()',
        t.schemaname, t.tablename);
    END LOOP;
  END $do$`);
  return () => endSqlAudit(sql);
}

/** What {@link auditSql} has noted, also by another process. */
export async function endSqlAudit(sql: SqlExecutor): Promise<readonly string[]> {
  const { rows } = await sql.query<{ query: string }>('SELECT query FROM audit.writes GROUP BY xid, query ORDER BY min(seq)');
  await sql.query('DROP SCHEMA audit CASCADE');
  return rows.map(({ query }) => normalised(query));
}
