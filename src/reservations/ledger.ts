import { AmendsError, HoldExpired, StepFailed } from '../errors.ts';
import type { BarrierExecutor } from '../barrier/executor.ts';
import type { Tables } from './tables.ts';

/** Whose reservation of what. */
export interface ReservationKey {
  readonly scope: string;
  readonly transactionId: string;
  readonly resource: string;
}

export interface Wanted {
  readonly item: string;
  /** Whole, from 1: pieces, cents, seats. */
  readonly amount: number;
}

/** What is left of an item; 0 when there never was any. */
export async function readAvailable(executor: BarrierExecutor, { reservable }: Tables, resource: string, item: string): Promise<number> {
  const { rows } = await executor.exec(`SELECT available::text FROM ${reservable} WHERE resource = $1 AND item = $2`, [resource, item]);
  return Number(rows[0]?.['available'] ?? 0);
}

/** Puts so much more of an item there; gives what is left of it then. */
export async function provide(executor: BarrierExecutor, { reservable }: Tables, resource: string, wanted: Wanted): Promise<number> {
  const { rows } = await executor.exec(
    `INSERT INTO ${reservable} AS r (resource, item, available) VALUES ($1, $2, $3::bigint)
    ON CONFLICT (resource, item) DO UPDATE SET available = r.available + excluded.available RETURNING available::text`,
    [resource, wanted.item, String(wanted.amount)],
  );
  return Number(rows[0]!['available']);
}

/**
 * Gives back holds whose time is up, of one item. Whoever confirms or cancels one of them at the same moment holds its row: it is passed over.
 * One item a statement, so that two sweeps can't lock the same rows in another order.
 */
export async function expire(executor: BarrierExecutor, tables: Tables, resource: string, item: string): Promise<number> {
  const { reservable, reservation } = tables;
  const { rows } = await executor.exec(
    `WITH over AS (
      SELECT scope, transaction_id, resource FROM ${reservation}
      WHERE resource = $1 AND item = $2 AND state = 'held' AND expires_at <= clock_timestamp() FOR UPDATE SKIP LOCKED
    ), expired AS (
      UPDATE ${reservation} t SET state = 'expired', changed_at = clock_timestamp() FROM over o
      WHERE (t.scope, t.transaction_id, t.resource) = (o.scope, o.transaction_id, o.resource) RETURNING t.amount
    ), back AS (
      UPDATE ${reservable} SET available = available + (SELECT coalesce(sum(amount), 0) FROM expired)::bigint
      WHERE resource = $1 AND item = $2 AND EXISTS (SELECT FROM expired)
    ) SELECT count(*)::text AS count FROM expired`,
    [resource, item],
  );
  return Number(rows[0]?.['count'] ?? 0);
}

/** Items of which a hold's time is up. */
export async function overdueItems(executor: BarrierExecutor, { reservation }: Tables, resource: string): Promise<readonly string[]> {
  const { rows } = await executor.exec(
    `SELECT DISTINCT item FROM ${reservation} WHERE resource = $1 AND state = 'held' AND expires_at <= clock_timestamp() ORDER BY item`,
    [resource],
  );
  return rows.map(({ item }) => item as string);
}

/**
 * Holds an amount; the row of its item is locked until the transaction ends, so that buyers of it come one after the other.
 *
 * @throws {StepFailed} there is not so much left, also when what has run out is given back
 */
export async function hold(
  executor: BarrierExecutor,
  tables: Tables,
  { scope, transactionId, resource }: ReservationKey,
  { item, amount }: Wanted,
  expiresAt: Date,
): Promise<void> {
  const take = async (): Promise<boolean> => {
    const { rows } = await executor.exec(
      `UPDATE ${tables.reservable} SET available = available - $3::bigint
      WHERE resource = $1 AND item = $2 AND available >= $3::bigint RETURNING item`,
      [resource, item, String(amount)],
    );
    return rows.length === 1;
  };
  const taken = (await take()) || ((await expire(executor, tables, resource, item)) > 0 && (await take()));
  if (!taken) {
    const left = await readAvailable(executor, tables, resource, item);
    throw new StepFailed(`${resource}: ${amount} of ${item} were asked for, and ${left} are left`);
  }
  await executor.exec(
    `INSERT INTO ${tables.reservation} (scope, transaction_id, resource, item, amount, expires_at)
    VALUES ($1, $2, $3, $4, $5::bigint, $6::timestamptz)`,
    [scope, transactionId, resource, item, String(amount), expiresAt.toISOString()],
  );
}

async function move(executor: BarrierExecutor, { reservation }: Tables, key: ReservationKey, state: string): Promise<Wanted | undefined> {
  const { rows } = await executor.exec(
    `UPDATE ${reservation} SET state = $4, changed_at = clock_timestamp()
    WHERE scope = $1 AND transaction_id = $2 AND resource = $3 AND state = 'held' RETURNING item, amount::text`,
    [key.scope, key.transactionId, key.resource, state],
  );
  const moved = rows[0];
  return moved === undefined ? undefined : { item: moved['item'] as string, amount: Number(moved['amount']) };
}

async function stateOf(executor: BarrierExecutor, { reservation }: Tables, key: ReservationKey): Promise<string | undefined> {
  const { rows } = await executor.exec(`SELECT state FROM ${reservation} WHERE scope = $1 AND transaction_id = $2 AND resource = $3`, [
    key.scope,
    key.transactionId,
    key.resource,
  ]);
  return rows[0]?.['state'] as string | undefined;
}

/** Something that the protocol excludes: trying again changes nothing. */
function impossible(problem: string, key: ReservationKey): AmendsError {
  const error = new AmendsError('NOT_ALLOWED', `${key.resource}: ${problem}`, { details: { ...key } });
  return Object.assign(error, { retryable: false });
}

/**
 * Takes for good what is held. One whose time is up is taken all the same while nobody has given it back.
 *
 * @throws {HoldExpired} it was given back
 * @throws {AmendsError} NOT_ALLOWED, not retried: it was never tried, or was cancelled
 */
export async function confirm(executor: BarrierExecutor, tables: Tables, key: ReservationKey): Promise<void> {
  if ((await move(executor, tables, key, 'confirmed')) !== undefined) return;
  const state = await stateOf(executor, tables, key);
  if (state === 'confirmed') return;
  if (state === 'expired')
    throw new HoldExpired(`${key.resource}: what ${key.transactionId} held has run out and was given back before it was confirmed`);
  throw impossible(`${key.transactionId} is to be confirmed and ${state === undefined ? 'was never tried' : `is ${state}`}`, key);
}

/**
 * Keeps what is held until then.
 *
 * @throws {HoldExpired} it was given back, or is no longer held
 */
export async function renew(executor: BarrierExecutor, { reservation }: Tables, key: ReservationKey, expiresAt: Date): Promise<void> {
  const { rows } = await executor.exec(
    `UPDATE ${reservation} SET expires_at = greatest(expires_at, $4::timestamptz)
    WHERE scope = $1 AND transaction_id = $2 AND resource = $3 AND state = 'held' RETURNING 1 AS held`,
    [key.scope, key.transactionId, key.resource, expiresAt.toISOString()],
  );
  if (rows.length === 0) throw new HoldExpired(`${key.resource}: ${key.transactionId} holds nothing any more that could be renewed`);
}

/**
 * Gives back what is held.
 *
 * @throws {AmendsError} NOT_ALLOWED, not retried: it was confirmed
 */
export async function cancel(executor: BarrierExecutor, tables: Tables, key: ReservationKey): Promise<void> {
  const held = await move(executor, tables, key, 'cancelled');
  if (held !== undefined) {
    await provide(executor, tables, key.resource, held);
    return;
  }
  const state = await stateOf(executor, tables, key);
  if (state === 'confirmed') throw impossible(`${key.transactionId} is to be cancelled and was confirmed`, key);
}

/** Removes what has ended, and was changed last before that. */
export async function purge(
  executor: BarrierExecutor,
  { reservation }: Tables,
  { scope, resource, olderThanMs }: { readonly scope: string; readonly resource: string; readonly olderThanMs: number },
): Promise<number> {
  const { rows } = await executor.exec(
    `WITH gone AS (
      DELETE FROM ${reservation} WHERE scope = $1 AND resource = $2 AND state <> 'held'
        AND changed_at < now() - $3::double precision * interval '1 millisecond' RETURNING 1
    ) SELECT count(*)::text AS count FROM gone`,
    [scope, resource, String(olderThanMs)],
  );
  return Number(rows[0]?.['count'] ?? 0);
}
