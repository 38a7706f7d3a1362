import type { SqlExecutor } from '../../connections/sql.ts';
import type { PartitionStatus, StoredSubscription } from '../checkpoint.ts';

interface StatusRow {
  readonly subscription: string;
  readonly partition: number;
  readonly position: number;
  readonly owner: string | null;
  readonly epoch: number;
  readonly paused: boolean;
  readonly attempts: number;
  readonly error: string | null;
  readonly parked: number;
}

/** One subscription, or all. */
export async function listSubscriptions(
  sql: SqlExecutor,
  schema: string,
  subscription: string | undefined,
): Promise<readonly StoredSubscription[]> {
  const { rows } = await sql.query<StatusRow>(
    `SELECT c.subscription, c.partition, c.position::double precision AS position,
        CASE WHEN c.lease_until > clock_timestamp() THEN c.owner END AS owner,
        c.epoch::double precision AS epoch, c.paused, c.attempts, c.error,
        (SELECT count(*)::integer FROM ${schema}.dead_letters d WHERE d.subscription = c.subscription) AS parked
      FROM ${schema}.checkpoints c WHERE $1::text IS NULL OR c.subscription = $1 ORDER BY c.subscription, c.partition`,
    [subscription ?? null],
  );
  const byName = new Map<string, { readonly head: StatusRow; readonly partitions: PartitionStatus[] }>();
  for (const row of rows) {
    const { partition, position, owner, epoch, attempts, error } = row;
    const known = byName.get(row.subscription) ?? { head: row, partitions: [] };
    byName.set(row.subscription, known);
    known.partitions.push({ partition, position, owner: owner ?? undefined, epoch, attempts, error: error ?? undefined });
  }
  return [...byName].map(([name, { head, partitions }]) => ({ name, paused: head.paused, parked: head.parked, partitions }));
}
