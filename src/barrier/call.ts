import { AmendsError } from '../errors.ts';
import { hashOf } from '../flows/json.ts';
import type { TryContext } from '../flows/resource-code.ts';
import type { StepContext } from '../flows/step.ts';

/** An operation on a branch. `compensate` undoes `run`; `cancel` gives back what `try` has reserved, `confirm` keeps it. */
export type BarrierOp = 'run' | 'compensate' | 'try' | 'confirm' | 'cancel';

/** Which operation is delivered. Equal calls are deliveries of the same operation. */
export interface BarrierCall {
  /** Keeps apart what may use the same ids: set it when several namespaces of Amends call one database. Default `''`. */
  readonly scope?: string | undefined;
  /** The transaction's id. */
  readonly gid: string;
  /** The branch of the transaction: the step's name. */
  readonly branchId: string;
  readonly op: BarrierOp;
  /** Tells several barriers of one branch apart; action and compensation use the same. Default `'01'`. */
  readonly barrierId?: string | undefined;
  /** What the operation is asked to do. A delivery with another input is a `mismatch`. `undefined`: not compared. */
  readonly input?: unknown;
}

/** What `barrierCall` needs of a step's context, or of a resource's. */
export type BarrierContext =
  | Pick<StepContext<unknown>, 'sagaId' | 'step' | 'op' | 'input'>
  | (Pick<TryContext<unknown>, 'transactionId' | 'resource' | 'input'> & { readonly op: 'try' | 'confirm' | 'cancel' });

/**
 * The call that a context is about.
 *
 * @example await barrier(pgExecutor(client), barrierCall(context), () => debit(client, context.input));
 */
export function barrierCall<Context extends BarrierContext>(
  context: Context,
  options: Pick<BarrierCall, 'scope' | 'barrierId'> = {},
): BarrierCall & { readonly op: Context['op'] } {
  const given: BarrierContext = context;
  const { op, input } = context;
  const [gid, branchId] = 'resource' in given ? [given.transactionId, given.resource] : [given.sagaId, given.step];
  if (branchId === undefined || op === undefined) {
    throw new AmendsError('INVALID_OPTION', 'give the context that the step was called with: sagaId, step, op and input are read from it');
  }
  return { gid, branchId, op, input, ...options };
}

/** A call that was checked, as the table keeps it. */
export interface Slot {
  readonly scope: string;
  readonly gid: string;
  readonly branchId: string;
  readonly barrierId: string;
  readonly op: BarrierOp;
  /** The operation that this one undoes. */
  readonly origin: BarrierOp | undefined;
  /** Hexadecimal. */
  readonly fingerprint: string | null;
}

const ORIGINS: Readonly<Record<BarrierOp, BarrierOp | undefined>> = {
  run: undefined,
  compensate: 'run',
  try: undefined,
  confirm: undefined,
  cancel: 'try',
};
/** Four of them and the operation fit an index entry of PostgreSQL. */
const LONGEST_BYTES = 255;

function checkKey(name: string, value: unknown, shortest: number): string {
  const fits = typeof value === 'string' && value.length >= shortest && !value.includes('\0') && !/\p{Surrogate}/u.test(value);
  if (fits && Buffer.byteLength(value) <= LONGEST_BYTES) return value;
  const shown = typeof value === 'string' ? JSON.stringify(value.slice(0, 80)) : `a value of type ${typeof value}`;
  throw new AmendsError('INVALID_ID', `the barrier's ${name} is ${shown}: give text of ${shortest} to ${LONGEST_BYTES} bytes`);
}

function fingerprintOf(input: unknown): string | null {
  if (input === undefined) return null;
  try {
    return hashOf(input);
  } catch (cause) {
    throw new AmendsError(
      'INVALID_INPUT',
      "the barrier can't compare this input: give input as plain JSON, or undefined to compare nothing",
      {
        cause,
      },
    );
  }
}

/** @throws {AmendsError} INVALID_ID, INVALID_OPTION, INVALID_INPUT */
export function slotOf({ scope = '', gid, branchId, op, barrierId = '01', input }: BarrierCall): Slot {
  if (typeof op !== 'string' || !Object.hasOwn(ORIGINS, op)) {
    throw new AmendsError('INVALID_OPTION', `the barrier's op is ${String(op)}: give one of ${Object.keys(ORIGINS).join(', ')}`);
  }
  return {
    scope: checkKey('scope', scope, 0),
    gid: checkKey('gid', gid, 1),
    branchId: checkKey('branchId', branchId, 1),
    barrierId: checkKey('barrierId', barrierId, 1),
    op,
    origin: ORIGINS[op],
    fingerprint: fingerprintOf(input),
  };
}
