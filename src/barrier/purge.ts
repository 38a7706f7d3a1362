import { AmendsError, isAmendsError } from '../errors.ts';
import type { Plan } from '../flows/plan.ts';
import type { Awaitable } from '../flows/schema.ts';
import { dialectOf } from './dialects.ts';
import type { BarrierExecutor } from './executor.ts';
import { tableOf, type BarrierTable } from './table.ts';

const DAY_MS = 86_400_000;

export interface RetentionOptions {
  /** How long a stuck or paused saga, or a job in a queue whose workers are down, may wait for a person, in milliseconds. Default 30 days. */
  readonly repairMs?: number | undefined;
}

function atLeast(name: string, value: number, low: number): number {
  if (Number.isSafeInteger(value) && value >= low) return value;
  throw new AmendsError('INVALID_OPTION', `${name} is ${String(value)}: give a whole number from ${low}`);
}

/**
 * The longest time after which a delivery can still reach this participant: all attempts and pauses of every action and every compensation of
 * the longest of these sagas, one after the other, its deadline, and the time a person may take to repair it. Milliseconds.
 *
 * @throws {AmendsError} INVALID_OPTION
 */
export function retentionFloorMs(sagas: readonly { readonly plan: Plan }[], { repairMs = 30 * DAY_MS }: RetentionOptions = {}): number {
  if (sagas.length === 0) throw new AmendsError('INVALID_OPTION', 'sagas is empty: name every saga that calls this participant');
  const longest = sagas.map(({ plan }) =>
    Object.values(plan.steps)
      .flatMap(({ action, compensation, hold }) => [action, compensation, ...(hold === undefined ? [] : [hold.confirm])])
      .reduce((sum, { timeoutMs, retry }) => sum + retry.attempts * (timeoutMs + retry.maxDelayMs), plan.deadlineMs ?? 0),
  );
  return Math.max(...longest) + atLeast('repairMs', repairMs, 0);
}

export interface PurgeBarrierOptions extends BarrierTable, RetentionOptions {
  /** Every saga that calls this participant: the floor follows from their timeouts and retries, see {@link retentionFloorMs}. */
  readonly sagas: readonly { readonly plan: Plan }[];
  /** Age in milliseconds of what is removed. Refused below the floor. */
  readonly olderThanMs: number;
  /** Which of these transactions have ended (or are no longer known). The others keep their rows, however old: a stuck saga still has undos to come. */
  readonly ended: (gids: readonly string[]) => Awaitable<Iterable<string>>;
  /** Default `''`. */
  readonly scope?: string | undefined;
  /** Transactions per batch, each batch one statement. Default 500. */
  readonly batch?: number | undefined;
  /** Ends the purge between two batches. */
  readonly signal?: AbortSignal | undefined;
}

/** What is asked of `connect()`'s result. */
interface Transactions {
  get(id: string): { view(): Promise<{ readonly status: string }> };
}

const TERMINAL = new Set(['completed', 'compensated', 'confirmed', 'cancelled', 'terminated']);

/**
 * Asks the journal which transactions have ended; one that it no longer knows has.
 *
 * @example await purgeBarrier(pgExecutor(pool), { sagas: [orderSaga], olderThanMs: 90 * 86_400_000, ended: endedIn(amends) });
 */
export function endedIn(amends: Transactions): PurgeBarrierOptions['ended'] {
  return async (gids) => {
    const ended: string[] = [];
    for (const gid of gids) {
      try {
        const { status } = await amends.get(gid).view();
        if (TERMINAL.has(status)) ended.push(gid);
      } catch (error) {
        if (!isAmendsError(error, 'TRANSACTION_NOT_FOUND')) throw error;
        ended.push(gid);
      }
    }
    return ended;
  };
}

/**
 * Removes the rows of transactions that have ended, and of which every row is older than `olderThanMs`. Gives how many rows it removed. Bind the
 * executor to a pool or a client without a transaction, so that each batch commits by itself.
 *
 * @throws {AmendsError} INVALID_OPTION, also when `olderThanMs` is below the floor
 */
export async function purgeBarrier(executor: BarrierExecutor, options: PurgeBarrierOptions): Promise<number> {
  const { olderThanMs, ended, scope = '', signal } = options;
  const dialect = dialectOf(executor);
  const table = tableOf(executor, options);
  const batch = atLeast('batch', options.batch ?? 500, 1);
  const floor = retentionFloorMs(options.sagas, options);
  if (atLeast('olderThanMs', olderThanMs, 0) < floor) {
    throw new AmendsError(
      'INVALID_OPTION',
      `olderThanMs is ${olderThanMs}, and a delivery can come up to ${floor} ms late: a row that is gone by then lets it through. Give ${floor} or more`,
      { details: { olderThanMs, floorMs: floor } },
    );
  }
  let removed = 0;
  for (let after = ''; ;) {
    signal?.throwIfAborted();
    const gids = await dialect.listOld(executor, table, { scope, olderThanMs, after, limit: batch });
    const last = gids.at(-1);
    if (last === undefined) return removed;
    const asked = new Set(gids);
    const over = [...(await ended(gids))].filter((gid) => asked.has(gid));
    removed += await dialect.removeOld(executor, table, { scope, olderThanMs, gids: over });
    after = last;
  }
}
