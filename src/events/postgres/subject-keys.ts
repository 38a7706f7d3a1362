import type { SqlPool } from '../../connections/sql.ts';
import { schemaOf } from '../../connections/migrate.ts';
import { reaching } from '../../connections/postgres.ts';
import { newSubjectKey, type SubjectKey, type SubjectKeys } from '../subject-keys.ts';
import { executorOf } from './callers-transaction.ts';

interface KeyRow {
  readonly subject: string;
  readonly key_id: string;
  /** Hexadecimal. */
  readonly key: string;
}

const PAGE = 500;
const COLUMNS = `subject, key_id, encode(key, 'hex') AS key`;

function keyFrom({ key_id: keyId, key }: KeyRow): SubjectKey {
  return { keyId, key: Buffer.from(key, 'hex') };
}

export function createPostgresSubjectKeys(pool: SqlPool, namespace: string): SubjectKeys {
  const table = `${schemaOf(namespace)}.subject_keys`;
  const sql = reaching(pool);
  return {
    async obtain(subjects, tx) {
      const executor = tx === undefined ? sql : executorOf(tx);
      const wanted = [...new Set(subjects)].sort();
      const made = wanted.map(() => newSubjectKey());
      // The update changes nothing and makes the statement give, and hold, the row that is there. In order, against deadlocks.
      const { rows } = await executor.query<KeyRow>(
        `INSERT INTO ${table} AS known (subject, key_id, key)
          SELECT n.subject, n.key_id, decode(n.key, 'hex')
            FROM unnest($1::text::text[], $2::text::text[], $3::text::text[]) AS n (subject, key_id, key) ORDER BY n.subject COLLATE "C"
          ON CONFLICT (subject) DO UPDATE SET key_id = known.key_id RETURNING ${COLUMNS}`,
        [wanted, made.map(({ keyId }) => keyId), made.map(({ key }) => key.toString('hex'))],
      );
      return new Map(rows.map((row) => [row.subject, keyFrom(row)]));
    },

    async find(keyIds) {
      const { rows } = await sql.query<KeyRow>(`SELECT ${COLUMNS} FROM ${table} WHERE key_id = ANY ($1::text[])`, [keyIds]);
      return new Map(rows.map((row) => [row.key_id, keyFrom(row).key]));
    },

    async forget(subject) {
      return (await sql.query(`DELETE FROM ${table} WHERE subject = $1`, [subject])).rowCount === 1;
    },

    async *all() {
      for (let after = ''; ;) {
        const { rows } = await sql.query<KeyRow>(`SELECT ${COLUMNS} FROM ${table} WHERE subject > $1 ORDER BY subject LIMIT ${PAGE}`, [
          after,
        ]);
        for (const row of rows) yield { subject: row.subject, ...keyFrom(row) };
        if (rows.length < PAGE) return;
        after = rows[PAGE - 1]!.subject;
      }
    },

    async put(subject, { keyId, key }) {
      await sql.query(`INSERT INTO ${table} (subject, key_id, key) VALUES ($1, $2, decode($3, 'hex')) ON CONFLICT DO NOTHING`, [
        subject,
        keyId,
        key.toString('hex'),
      ]);
    },
  };
}
