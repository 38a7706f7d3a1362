import type { SqlExecutor } from '../../connections/sql.ts';
import { handedOver } from '../handover.ts';
import type { Handover } from '../checkpoint.ts';

interface CheckpointRow {
  readonly position: number;
  readonly epoch: number;
  readonly paused: boolean;
  readonly handover: readonly Handover[];
}

/** Makes a subscription, or gives it another number of partitions: the owners of the old ones move nothing any more. */
export async function repartition(
  tx: SqlExecutor,
  schema: string,
  namespace: string,
  { subscription, partitions, position }: { readonly subscription: string; readonly partitions: number; readonly position: number },
): Promise<void> {
  await tx.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`${namespace}.subscription.${subscription}`]);
  const { rows } = await tx.query<CheckpointRow>(
    `SELECT position::double precision AS position, epoch::double precision AS epoch, paused, handover FROM ${schema}.checkpoints
      WHERE subscription = $1 ORDER BY partition FOR UPDATE`,
    [subscription],
  );
  if (rows.length === partitions) return;
  const [first] = rows;
  const positions = rows.map((row) => row.position);
  const begin = first === undefined ? position : Math.min(...positions);
  const handover = first === undefined ? [] : handedOver(first.handover, positions);
  const epoch = Math.max(0, ...rows.map((row) => row.epoch)) + 1;
  await tx.query(`DELETE FROM ${schema}.checkpoints WHERE subscription = $1`, [subscription]);
  await tx.query(
    `INSERT INTO ${schema}.checkpoints (subscription, partition, partitions, position, epoch, paused, handover)
      SELECT $1, p, $2, $3, $4, $5, $6 FROM generate_series(0, $2::integer - 1) AS p`,
    [subscription, partitions, begin, epoch, first?.paused ?? false, JSON.stringify(handover)],
  );
}
