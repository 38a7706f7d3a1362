import { AmendsError } from '../errors.ts';
import { toJson } from '../flows/json.ts';
import { slotOf, type BarrierCall, type Slot } from './call.ts';
import type { BarrierDialect, Taken } from './dialect.ts';
import { dialectOf } from './dialects.ts';
import type { BarrierExecutor } from './executor.ts';
import { BarrierInProgressError, type BarrierOutcome } from './outcome.ts';
import { tableOf, type BarrierTable } from './table.ts';

export interface BarrierOptions extends BarrierTable {
  /**
   * How long to wait for another delivery that is in work, in milliseconds. Default 5000. It holds a connection meanwhile. MySQL and MariaDB
   * count whole seconds: rounded up.
   */
  readonly lockTimeoutMs?: number | undefined;
}

const LONGEST_MS = 2_147_483_647;

/** The open transaction, and the slot in it that is asked for. */
interface Delivery {
  readonly executor: BarrierExecutor;
  readonly dialect: BarrierDialect;
  readonly table: string;
  readonly call: BarrierCall;
  readonly slot: Slot;
}

function lockTimeoutOf({ lockTimeoutMs = 5000 }: BarrierOptions): number {
  if (Number.isInteger(lockTimeoutMs) && lockTimeoutMs >= 1 && lockTimeoutMs <= LONGEST_MS) return lockTimeoutMs;
  throw new AmendsError('INVALID_OPTION', `lockTimeoutMs is ${String(lockTimeoutMs)}: give whole milliseconds from 1 to ${LONGEST_MS}`);
}

function parsed(result: string | null | undefined): unknown {
  return result === null || result === undefined ? undefined : JSON.parse(result);
}

function outsideTransaction(slot: Slot): AmendsError {
  return new AmendsError(
    'INVALID_OPTION',
    `${slot.op} of "${slot.branchId}" was not in one database transaction with its barrier: bind the executor to a transaction that is open (never to the pool), and don't end it in the work`,
  );
}

async function take({ executor, dialect, table, call, slot }: Delivery, lockTimeoutMs: number): Promise<Taken> {
  let taken: Taken | undefined;
  try {
    taken = await dialect.take(executor, table, slot, lockTimeoutMs);
  } catch (error) {
    throw dialect.isLockTimeout(error) ? new BarrierInProgressError(call, error) : error;
  }
  if (taken === undefined) throw outsideTransaction(slot);
  return taken;
}

async function seenBefore<Result>({ executor, dialect, table, call, slot }: Delivery): Promise<BarrierOutcome<Result>> {
  const stored = await dialect.read(executor, table, slot, slot.op);
  if (stored === undefined) throw new BarrierInProgressError(call); // purged between the two statements: the next try decides
  if (stored.reason !== slot.op) return { kind: 'suppressed' };
  const comparable = stored.fingerprint !== null && slot.fingerprint !== null;
  if (comparable && stored.fingerprint !== slot.fingerprint) return { kind: 'mismatch' };
  return { kind: 'duplicate', result: parsed(stored.result) as Result };
}

async function store({ executor, dialect, table, slot }: Delivery, taken: Taken, result: unknown): Promise<void> {
  const text = result === undefined ? null : toJson(result, `the result of ${slot.op} of "${slot.branchId}"`);
  let stored: boolean;
  try {
    stored = await dialect.store(executor, table, slot, taken, text);
  } catch (cause) {
    if (!dialect.isRefusedJson(cause)) throw cause;
    throw new AmendsError(
      'PAYLOAD_NOT_JSON',
      `the database can't keep the result of ${slot.op} of "${slot.branchId}" as JSON: leave out \\u0000 and the like, and nest it less`,
      { cause },
    );
  }
  if (!stored) throw outsideTransaction(slot);
}

/**
 * Does an operation at most once, in the caller's open transaction. Duplicates get the stored result before any business rule is asked; an undo
 * of what never happened does nothing and bars it; an action after its undo is barred. When `work` throws, nothing is kept: on PostgreSQL the
 * transaction can only be rolled back, on MySQL and MariaDB it is back where it was before the barrier. A foreign service that `work` calls is not covered: give it the step's idempotency key.
 *
 * After DTM's sub-transaction barrier (https://en.dtm.pub/practice/barrier.html), with the stored result, and late actions told from duplicates.
 *
 * @param work Gets, for an undo, what the action's work returned. What it returns must be plain JSON, up to 1 MiB, or `undefined`.
 * @throws {BarrierInProgressError} another delivery held the operation for longer than `lockTimeoutMs`
 * @throws {AmendsError} INVALID_ID, INVALID_OPTION, INVALID_INPUT, PAYLOAD_NOT_JSON, PAYLOAD_TOO_LARGE
 * @throws what `work` throws and what the database says; {@link isTransient} tells when to run the whole transaction again
 * @example
 * await client.query('BEGIN');
 * const outcome = await barrier(pgExecutor(client), barrierCall(context), () => debit(client, context.input));
 * await client.query('COMMIT');
 */
export async function barrier<Result>(
  executor: BarrierExecutor,
  call: BarrierCall,
  work: (undone: unknown) => Promise<Result>,
  options: BarrierOptions = {},
): Promise<BarrierOutcome<Result>> {
  const lockTimeoutMs = lockTimeoutOf(options);
  const dialect = dialectOf(executor);
  const table = tableOf(executor, options);
  const slot = slotOf(call);
  const delivery: Delivery = { executor, dialect, table, call, slot };
  const taken = await take(delivery, lockTimeoutMs);
  if (taken.origin) return { kind: 'empty' };
  if (!taken.own) return seenBefore<Result>(delivery);
  try {
    const undone = slot.origin === undefined ? undefined : parsed((await dialect.read(executor, table, slot, slot.origin))?.result);
    const result = await work(undone);
    await store(delivery, taken, result);
    return { kind: 'executed', result };
  } catch (error) {
    await dialect.spoil(executor, taken);
    throw error;
  }
}
