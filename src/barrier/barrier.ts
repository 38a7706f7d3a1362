import { AmendsError } from '../errors.ts';
import { toJson } from '../flows/json.ts';
import { slotOf, type BarrierCall, type Slot } from './call.ts';
import { sqlStateOf, type BarrierExecutor } from './executor.ts';
import { BarrierInProgressError, type BarrierOutcome } from './outcome.ts';
import { readSlot, spoil, storeResult, takeSlots, type Taken } from './slots.ts';
import { tableOf, type BarrierTable } from './table.ts';

export interface BarrierOptions extends BarrierTable {
  /** How long to wait for another delivery that is in work, in milliseconds. Default 5000. It holds a connection meanwhile. */
  readonly lockTimeoutMs?: number | undefined;
}

const LONGEST_MS = 2_147_483_647;
const LOCK_NOT_AVAILABLE = '55P03';
/** What `jsonb` refuses of valid JSON: the character 0, half a surrogate pair, a number out of range. */
const NOT_FOR_JSONB = new Set(['22P05', '22P02', '22003']);

function resolve({ schema, lockTimeoutMs = 5000 }: BarrierOptions): { readonly table: string; readonly lockTimeoutMs: number } {
  if (!Number.isInteger(lockTimeoutMs) || lockTimeoutMs < 1 || lockTimeoutMs > LONGEST_MS) {
    throw new AmendsError('INVALID_OPTION', `lockTimeoutMs is ${String(lockTimeoutMs)}: give whole milliseconds from 1 to ${LONGEST_MS}`);
  }
  return { table: tableOf({ schema }), lockTimeoutMs };
}

function parsed(result: string | null | undefined): unknown {
  return result === null || result === undefined ? undefined : JSON.parse(result);
}

async function take(executor: BarrierExecutor, table: string, call: BarrierCall, slot: Slot, lockTimeoutMs: number): Promise<Taken> {
  try {
    return await takeSlots(executor, table, slot, lockTimeoutMs);
  } catch (error) {
    throw sqlStateOf(error) === LOCK_NOT_AVAILABLE ? new BarrierInProgressError(call, error) : error;
  }
}

async function seenBefore<Result>(
  executor: BarrierExecutor,
  table: string,
  call: BarrierCall,
  slot: Slot,
): Promise<BarrierOutcome<Result>> {
  const stored = await readSlot(executor, table, slot, slot.op);
  if (stored === undefined) throw new BarrierInProgressError(call); // purged between the two statements: the next try decides
  if (stored.reason !== slot.op) return { kind: 'suppressed' };
  const comparable = stored.fingerprint !== null && slot.fingerprint !== null;
  if (comparable && stored.fingerprint !== slot.fingerprint) return { kind: 'mismatch' };
  return { kind: 'duplicate', result: parsed(stored.result) as Result };
}

async function store(executor: BarrierExecutor, table: string, slot: Slot, result: unknown): Promise<void> {
  const text = result === undefined ? null : toJson(result, `the result of ${slot.op} of "${slot.branchId}"`);
  let stored: boolean;
  try {
    stored = await storeResult(executor, table, slot, text);
  } catch (cause) {
    if (!NOT_FOR_JSONB.has(sqlStateOf(cause) ?? '')) throw cause;
    throw new AmendsError(
      'PAYLOAD_NOT_JSON',
      `the result of ${slot.op} of "${slot.branchId}" can't be kept as jsonb: leave out \\u0000 and the like`,
      {
        cause,
      },
    );
  }
  if (stored) return;
  throw new AmendsError(
    'INVALID_OPTION',
    `${slot.op} of "${slot.branchId}" was not in one database transaction with its barrier: bind the executor to a transaction that is open (never to the pool), and don't end it in the work`,
  );
}

/**
 * Does an operation at most once, in the caller's open transaction. Duplicates get the stored result before any business rule is asked; an undo
 * of what never happened does nothing and bars it; an action after its undo is barred. When `work` throws, the transaction can only be rolled
 * back, and nothing is kept. A foreign service that `work` calls is not covered: give it the step's idempotency key.
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
  const { table, lockTimeoutMs } = resolve(options);
  const slot = slotOf(call);
  const taken = await take(executor, table, call, slot, lockTimeoutMs);
  if (taken.origin) return { kind: 'empty' };
  if (!taken.own) return seenBefore<Result>(executor, table, call, slot);
  try {
    const undone = slot.origin === undefined ? undefined : parsed((await readSlot(executor, table, slot, slot.origin))?.result);
    const result = await work(undone);
    await store(executor, table, slot, result);
    return { kind: 'executed', result };
  } catch (error) {
    await spoil(executor);
    throw error;
  }
}
