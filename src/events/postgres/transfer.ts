import { schemaOf } from '../../connections/migrate.ts';
import { reaching } from '../../connections/postgres.ts';
import type { SqlPool } from '../../connections/sql.ts';
import { AmendsError } from '../../errors.ts';
import { TOMBSTONE, type StreamHead, type StreamName } from '../event-store.ts';
import type { EventTransfer } from '../transfer.ts';

const PAGE = 500;
const MISSING = '22023';

export function createPostgresTransfer(pool: SqlPool, namespace: string): EventTransfer {
  const schema = schemaOf(namespace);
  const sql = reaching(pool);
  const heads = `SELECT aggregate_type AS "aggregateType", aggregate_id AS "aggregateId", version::double precision AS version,
      first_version::double precision AS "firstVersion", state
    FROM ${schema}.streams WHERE (state <> 'open' OR first_version > 1) AND (aggregate_type, aggregate_id) > ($1, $2)
    ORDER BY aggregate_type, aggregate_id LIMIT ${PAGE}`;
  return {
    hash: 'md5',

    async *heads() {
      let after: StreamName = { aggregateType: '', aggregateId: '' };
      for (;;) {
        const { rows } = await sql.query<StreamName & StreamHead>(heads, [after.aggregateType, after.aggregateId]);
        yield* rows;
        if (rows.length < PAGE) return;
        after = rows[PAGE - 1]!;
      }
    },

    async put(events) {
      const parameters = [
        events.map(({ position }) => position),
        events.map(({ aggregateType }) => aggregateType),
        events.map(({ aggregateId }) => aggregateId),
        events.map(({ version }) => version),
        events.map(({ eventId }) => eventId),
        events.map(({ eventType }) => eventType),
        events.map(({ schemaVersion }) => schemaVersion),
        events.map(({ eventData }) => JSON.stringify(eventData)),
        events.map(({ metadata }) => JSON.stringify(metadata)),
        events.map(({ timestamp }) => timestamp.getTime()),
        TOMBSTONE,
      ];
      try {
        await sql.query(`SELECT ${schema}.restore_events($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`, parameters);
      } catch (error) {
        if (!(error instanceof Error && (error as { code?: string }).code === MISSING)) throw error;
        throw new AmendsError('INVALID_INPUT', `${error.message}: the dump is not complete, or not in its order`, { cause: error });
      }
    },

    async putHead(position) {
      await sql.query(`UPDATE ${schema}.log_head SET position = greatest(position, $1)`, [position]);
    },
  };
}
