import { announcementsOn } from '../../connections/announcements.ts';
import { schemaOf } from '../../connections/migrate.ts';
import { prepared, reaching } from '../../connections/postgres.ts';
import type { SqlPool } from '../../connections/sql.ts';
import { checkText } from '../../events/batch.ts';
import type { Plan } from '../../flows/plan.ts';
import { OPEN, type OpenCount } from '../open-counts.ts';
import { TRANSACTION, type Journal, type JournaledEvent } from '../journal.ts';
import { purgeInCalls } from '../purge.ts';
import { groupCommit, journaledEvent, runCommit } from './commit.ts';
import { listPage, momentOf } from './page.ts';
import { summaryColumns, summaryFrom, type SummaryRow } from './summary-row.ts';

export interface PostgresJournalOptions {
  readonly pool: SqlPool;
  /** The SQL schema. 1 to 31 of `a-z 0-9 _`. */
  readonly namespace: string;
}

interface PlanRow {
  readonly plan: Plan;
}

/**
 * The journal in PostgreSQL 14 or newer, or in the embedded store. Each commit is one call of a function in the database.
 *
 * @throws {AmendsError} INVALID_OPTION
 */
export function createPostgresJournal({ pool, namespace }: PostgresJournalOptions): Journal {
  const schema = schemaOf(namespace);
  const channel = `${namespace}.announced`;
  const announcements = announcementsOn(pool, channel);
  const sql = reaching(pool);
  const commit = groupCommit(reaching(prepared(pool)), schema, channel);
  const texts = {
    read: `SELECT ${schema}.ms("timestamp") AS at_ms, version::double precision AS at_version, event_type, event_data FROM ${schema}.events
      WHERE aggregate_type = '${TRANSACTION}' AND aggregate_id = $1 AND version > $2 ORDER BY version`,
    histories: `SELECT aggregate_id AS id, ${schema}.ms("timestamp") AS at_ms, version::double precision AS at_version, event_type, event_data
      FROM ${schema}.events WHERE aggregate_type = '${TRANSACTION}' AND aggregate_id = ANY ($1::text[]) ORDER BY aggregate_id, version`,
    summaries: `SELECT ${summaryColumns(schema)} FROM ${schema}.transactions WHERE id = ANY ($1::text[])`,
    // The index on open transactions is partial: it has to be told in its own words.
    openCounts: `SELECT saga, status, count(*)::integer AS count FROM ${schema}.transactions
      WHERE status <> 'completed' AND status = ANY ($1::text[]) GROUP BY saga, status`,
    registerPlan: `WITH stored AS (
        INSERT INTO ${schema}.plans (saga, definition_version, plan) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING plan
      )
      SELECT plan FROM stored UNION ALL SELECT plan FROM ${schema}.plans WHERE saga = $1 AND definition_version = $2`,
    findPlan: `SELECT plan FROM ${schema}.plans WHERE saga = $1 AND definition_version = $2`,
    listPlans: `SELECT plan FROM ${schema}.plans`,
    purge: `SELECT ${schema}.purge_transactions(${momentOf('$1')}, $2) AS removed`,
    time: `SELECT ${schema}.ms(clock_timestamp()) AS now`,
  };

  return {
    commit: (asked) => (asked.tx === undefined ? commit(asked) : runCommit(asked.tx, schema, channel, asked)),

    async read(id, afterVersion = 0) {
      const { rows } = await sql.query<Parameters<typeof journaledEvent>[0]>(texts.read, [
        checkText("the transaction's id", id),
        afterVersion,
      ]);
      return rows.map(journaledEvent);
    },

    async histories(ids) {
      const { rows } = await sql.query<Parameters<typeof journaledEvent>[0] & { readonly id: string }>(texts.histories, [
        [...new Set(ids)],
      ]);
      const found = new Map<string, JournaledEvent[]>();
      for (const row of rows) {
        const events = found.get(row.id);
        if (events === undefined) found.set(row.id, [journaledEvent(row)]);
        else events.push(journaledEvent(row));
      }
      return found;
    },

    list: (filter) => listPage(sql, schema, filter),

    async summaries(ids) {
      const { rows } = await sql.query<SummaryRow>(texts.summaries, [[...new Set(ids)]]);
      return rows.map(summaryFrom);
    },

    async openCounts() {
      return (await sql.query<OpenCount>(texts.openCounts, [OPEN])).rows;
    },

    async registerPlan(plan) {
      for (;;) {
        const { rows } = await sql.query<PlanRow>(texts.registerPlan, [plan.name, plan.version, JSON.stringify(plan)]);
        // None: somebody stored one after this statement began, and it did not see that yet.
        if (rows[0] !== undefined) return rows[0].plan;
      }
    },

    async findPlan(saga, definitionVersion) {
      return (await sql.query<PlanRow>(texts.findPlan, [saga, definitionVersion])).rows[0]?.plan;
    },

    async listPlans() {
      return (await sql.query<PlanRow>(texts.listPlans)).rows.map(({ plan }) => plan);
    },

    watch: (listener) => announcements.watch(listener),

    purge: (options) =>
      purgeInCalls(options, async (endedBeforeMs, wanted) => {
        const { rows } = await sql.query<{ removed: number }>(texts.purge, [endedBeforeMs, wanted]);
        return rows[0]!.removed;
      }),
    async timeMs() {
      return (await sql.query<{ now: number }>(texts.time)).rows[0]!.now;
    },

    close: () => announcements.close(),
  };
}
