import { schemaOf } from '../../connections/migrate.ts';
import { reaching } from '../../connections/postgres.ts';
import type { SqlPool } from '../../connections/sql.ts';
import type { Snapshot, Snapshots } from '../snapshots.ts';

export function createPostgresSnapshots(pool: SqlPool, namespace: string): Snapshots {
  const schema = schemaOf(namespace);
  const sql = reaching(pool);
  return {
    async find({ aggregateType, aggregateId }, schemaVersion) {
      const { rows } = await sql.query<Snapshot>(
        `SELECT version::double precision AS version, state FROM ${schema}.snapshots
          WHERE aggregate_type = $1 AND aggregate_id = $2 AND schema_version = $3`,
        [aggregateType, aggregateId, schemaVersion],
      );
      return rows[0];
    },

    async save({ aggregateType, aggregateId }, schemaVersion, { version, state }) {
      // The stream's row is held, so that a tombstone comes before this, or deletes it.
      await sql.query(
        `WITH held AS MATERIALIZED (
            SELECT 1 FROM ${schema}.streams
              WHERE aggregate_type = $1 AND aggregate_id = $2 AND version >= $4::bigint AND state <> 'tombstoned' FOR SHARE
          )
          INSERT INTO ${schema}.snapshots AS known (aggregate_type, aggregate_id, schema_version, version, state)
            SELECT $1::text, $2::text, $3::integer, $4::bigint, $5::json FROM held
            ON CONFLICT (aggregate_type, aggregate_id, schema_version)
              DO UPDATE SET version = excluded.version, state = excluded.state WHERE known.version < excluded.version`,
        [aggregateType, aggregateId, schemaVersion, version, JSON.stringify(state)],
      );
    },
  };
}
