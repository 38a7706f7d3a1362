import { schemaOf } from '../../connections/migrate.ts';
import { inTransaction, type SqlExecutor, type SqlPool } from '../../connections/sql.ts';
import type { Handover } from '../checkpoint.ts';
import type { ProjectionStore, ProjectionVersion } from '../projection-store.ts';

export interface PostgresProjectionsOptions {
  readonly pool: SqlPool;
  readonly namespace: string;
}

interface ProjectionRow {
  readonly name: string;
  readonly version: number;
  readonly live: boolean;
  readonly handover: readonly Handover[] | null;
}

function projectionVersion({ name, version, live, handover }: ProjectionRow): ProjectionVersion {
  return { name, version, live, handover: handover ?? undefined };
}

/**
 * Read models in PostgreSQL: table `totals` of version 2 is `totals_v2`, and the view `totals` shows the version that is live. They are in
 * the schema that unqualified names lead to (`public`).
 */
export function createPostgresProjections({ pool, namespace }: PostgresProjectionsOptions): ProjectionStore {
  const schema = schemaOf(namespace);
  const columns = `SELECT name, version, live, handover FROM ${schema}.projections`;

  const find = async (sql: SqlExecutor, name: string, version: number): Promise<ProjectionVersion | undefined> => {
    const { rows } = await sql.query<ProjectionRow>(`${columns} WHERE name = $1 AND version = $2`, [name, version]);
    return rows[0] === undefined ? undefined : projectionVersion(rows[0]);
  };
  const place: ProjectionStore['place'] = ({ version }, table) => `"${table}_v${version}"`;
  const lock = (tx: SqlExecutor, name: string): Promise<unknown> =>
    tx.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`${namespace}.projection.${name}`]);
  async function show(tx: SqlExecutor, model: Parameters<ProjectionStore['swap']>[0]): Promise<void> {
    for (const table of model.tables) {
      // Not CREATE OR REPLACE: the columns may be others.
      await tx.query(`DROP VIEW IF EXISTS "${table}"`);
      await tx.query(`CREATE VIEW "${table}" AS SELECT * FROM ${place(model, table)}`);
    }
  }

  return {
    async list(name, tx = pool) {
      const { rows } = await tx.query<ProjectionRow>(`${columns} WHERE $1::text IS NULL OR name = $1 ORDER BY name, version`, [
        name ?? null,
      ]);
      return rows.map(projectionVersion);
    },

    create: (model, setup) =>
      inTransaction(pool, async (tx) => {
        const { name, version } = model;
        await lock(tx, name);
        const known = await find(tx, name, version);
        if (known !== undefined) return known;
        await setup(tx);
        const { rows } = await tx.query<ProjectionRow>(
          `INSERT INTO ${schema}.projections (name, version, live, handover)
            SELECT $1, $2, others.none, CASE WHEN others.none THEN '[]'::json END
              FROM (SELECT NOT EXISTS (SELECT FROM ${schema}.projections WHERE name = $1)) AS others (none)
            RETURNING name, version, live, handover`,
          [name, version],
        );
        const made = projectionVersion(rows[0]!);
        if (made.live) await show(tx, model);
        return made;
      }),

    async setHandover({ name, version }, handover) {
      await pool.query(`UPDATE ${schema}.projections SET handover = $3 WHERE name = $1 AND version = $2 AND handover IS NULL`, [
        name,
        version,
        JSON.stringify(handover),
      ]);
    },

    swap: (model) =>
      inTransaction(pool, async (tx) => {
        await lock(tx, model.name);
        await tx.query(`UPDATE ${schema}.projections SET live = false WHERE name = $1 AND live`, [model.name]);
        await tx.query(`UPDATE ${schema}.projections SET live = true WHERE name = $1 AND version = $2`, [model.name, model.version]);
        await show(tx, model);
      }),

    drop: (model) =>
      inTransaction(pool, async (tx) => {
        await lock(tx, model.name);
        const { rowCount } = await tx.query(`DELETE FROM ${schema}.projections WHERE name = $1 AND version = $2 AND NOT live`, [
          model.name,
          model.version,
        ]);
        if (rowCount === 0) return;
        for (const table of model.tables) await tx.query(`DROP TABLE IF EXISTS ${place(model, table)}`);
      }),

    place,
  };
}
