import { schemaOf } from '../../connections/migrate.ts';
import { reaching } from '../../connections/postgres.ts';
import { inTransaction, type SqlExecutor, type SqlPool } from '../../connections/sql.ts';
import type { Handover, HeldPartition, SubscriptionStore, Tenure } from '../checkpoint.ts';
import { postgresLetters } from './postgres-letters.ts';
import { repartition } from './repartition.ts';
import { listSubscriptions } from './subscription-rows.ts';

export interface PostgresSubscriptionsOptions {
  readonly pool: SqlPool;
  /** The SQL schema. 1 to 31 of `a-z 0-9 _`. */
  readonly namespace: string;
}

/** A handler may take its time between two statements: longer than our own transactions do. */
const IDLE_IN_TRANSACTION_S = 60;

interface HoldRow {
  readonly partition: number;
  readonly partitions: number;
  readonly position: number;
  readonly epoch: number;
  readonly paused: boolean;
  readonly attempts: number;
  readonly retry_in_ms: number | null;
  readonly handover: readonly Handover[];
  readonly parked: boolean;
  readonly surplus: number;
}

function heldPartition(row: HoldRow): HeldPartition {
  const { partition, partitions, position, epoch, paused, attempts, handover, parked } = row;
  return { partition, partitions, position, mark: '', epoch, paused, attempts, retryInMs: row.retry_in_ms ?? 0, handover, parked };
}

/** Rolls the transaction back: it is not this owner's to commit. */
class TenureLost extends Error {}

/**
 * Where subscriptions stand, in PostgreSQL or the embedded store: a checkpoint moves in the transaction that the handler gets.
 *
 * @throws {AmendsError} INVALID_OPTION
 */
export function createPostgresSubscriptions({ pool, namespace }: PostgresSubscriptionsOptions): SubscriptionStore {
  const schema = schemaOf(namespace);
  const sql = reaching(pool);
  const letters = postgresLetters(schema);
  // The compare-and-set. Who has lost the partition, or was paused, moves nothing.
  const mine = `subscription = $1 AND partition = $2 AND owner = $3 AND epoch = $4 AND position = $5 AND NOT paused`;
  // Attempts are those of the next event of its own: passing over others' leaves them.
  const pass = `UPDATE ${schema}.checkpoints SET position = $6, moved_at = clock_timestamp() WHERE ${mine}`;
  const move = `UPDATE ${schema}.checkpoints SET position = $6, attempts = 0, error = NULL, retry_at = NULL, moved_at = clock_timestamp() WHERE ${mine}`;
  const holder = ({ subscription, partition, owner, epoch, position }: Tenure): readonly unknown[] => [
    subscription,
    partition,
    owner,
    epoch,
    position,
  ];

  async function moveTo(executor: SqlExecutor, tenure: Tenure, to: number, text = move): Promise<boolean> {
    const { rowCount } = await executor.query(text, [...holder(tenure), to]);
    return rowCount === 1;
  }

  /** What `work` did counts only if the checkpoint is still this owner's at the end. */
  async function moving(tenure: Tenure, to: number, work: (tx: SqlExecutor) => Promise<void>): Promise<'moved' | 'lost'> {
    try {
      await inTransaction(pool, async (tx) => {
        await work(tx);
        if (!(await moveTo(tx, tenure, to))) throw new TenureLost();
      });
      return 'moved';
    } catch (error) {
      if (error instanceof TenureLost) return 'lost';
      throw error;
    }
  }

  const patiently = (tx: SqlExecutor): Promise<unknown> =>
    tx.query(`SELECT set_config('idle_in_transaction_session_timeout', '${IDLE_IN_TRANSACTION_S}s', true)`);

  return {
    kind: 'postgres',

    open: (subscription, partitions, position) =>
      inTransaction(pool, (tx) => repartition(tx, schema, namespace, { subscription, partitions, position })),

    async hold(subscription, owner, leaseMs) {
      const { rows } = await sql.query<HoldRow>(`SELECT * FROM ${schema}.hold_partitions($1, $2, $3)`, [subscription, owner, leaseMs]);
      return { partitions: rows.map(heldPartition), surplus: rows[0]?.surplus ?? 0 };
    },

    async release(subscription, owner, partitions) {
      await sql.query(
        `UPDATE ${schema}.checkpoints SET owner = NULL, lease_until = NULL WHERE subscription = $1 AND owner = $2 AND partition = ANY ($3::integer[])`,
        [subscription, owner, partitions],
      );
    },

    async leave(subscription, owner) {
      await sql.query(`DELETE FROM ${schema}.subscribers WHERE subscription = $1 AND owner = $2`, [subscription, owner]);
      await sql.query(`UPDATE ${schema}.checkpoints SET owner = NULL, lease_until = NULL WHERE subscription = $1 AND owner = $2`, [
        subscription,
        owner,
      ]);
    },

    async settle(tenure, { events, to, mayBeParked, transaction }, handle) {
      if (events.length === 0) return (await moveTo(sql, tenure, to, pass)) ? 'moved' : 'lost';
      if (!transaction && !mayBeParked) {
        for (const [index, event] of events.entries()) await handle(event, {}, index);
        return (await moveTo(sql, tenure, to)) ? 'moved' : 'lost';
      }
      return moving(tenure, to, async (tx) => {
        await patiently(tx);
        const parked = mayBeParked ? await letters.lockParked(tx, tenure.subscription, events) : undefined;
        for (const [index, event] of events.entries()) {
          if (parked?.has(event) === true) await letters.add(tx, tenure.subscription, event, { attempts: 0, error: null });
          else await handle(event, transaction ? { tx } : {}, index);
        }
      });
    },

    async fail(tenure, error, retryAfterMs) {
      const { rows } = await sql.query<{ attempts: number }>(
        `UPDATE ${schema}.checkpoints SET attempts = attempts + 1, error = $6,
          retry_at = clock_timestamp() + $7::double precision * interval '1 millisecond' WHERE ${mine} RETURNING attempts`,
        [...holder(tenure), error, retryAfterMs],
      );
      return rows[0]?.attempts;
    },

    park: (tenure, event, letter) => moving(tenure, event.position, (tx) => letters.add(tx, tenure.subscription, event, letter)),

    async setPaused(subscription, paused) {
      const { rowCount } = await sql.query(`UPDATE ${schema}.checkpoints SET paused = $2 WHERE subscription = $1`, [subscription, paused]);
      return (rowCount ?? 0) > 0;
    },

    list: (subscription) => listSubscriptions(sql, schema, subscription),

    remove: (subscription) =>
      inTransaction(pool, async (tx) => {
        for (const table of ['checkpoints', 'subscribers', 'dead_letters']) {
          await tx.query(`DELETE FROM ${schema}.${table} WHERE subscription = $1`, [subscription]);
        }
      }),

    letters: (subscription, limit) => letters.list(sql, subscription, limit),

    async retry(subscription, except, prepare, work) {
      const letter = await letters.first(sql, subscription, except);
      if (letter === undefined) return undefined;
      try {
        // Outside of the transaction: the embedded store has but one session.
        const prepared = await prepare(letter);
        const outcome = await inTransaction(pool, async (tx) => {
          await patiently(tx);
          if (!(await letters.take(tx, subscription, letter.position))) return 'taken';
          await work(prepared, letter, { tx });
          await letters.remove(tx, subscription, letter.position);
          return 'handled';
        });
        return { letter, outcome };
      } catch (error) {
        await letters.failed(sql, subscription, letter.position, error);
        return { letter, outcome: 'failed', error };
      }
    },
  };
}
