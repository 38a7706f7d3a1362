import { AmendsError, StepFailed } from '../errors.ts';
import type { BarrierCall } from './call.ts';

/** What became of a delivery. Commit the transaction in every case. */
export type BarrierOutcome<Result> =
  /** The work was done now. */
  | { readonly kind: 'executed'; readonly result: Result }
  /** It was done before; this is what it gave then. */
  | { readonly kind: 'duplicate'; readonly result: Result }
  /** An undo of what never happened, and from now on never will. */
  | { readonly kind: 'empty' }
  /** An action that comes after its undo. It was not done, and must not count as a success. */
  | { readonly kind: 'suppressed' }
  /** It was done before with another input: a programming error. */
  | { readonly kind: 'mismatch' };

/** The same operation was done with another input. Trying again changes nothing: not retried. */
export class BarrierMismatchError extends AmendsError {
  readonly retryable = false;

  constructor({ op, branchId, gid }: BarrierCall) {
    super(
      'BARRIER_MISMATCH',
      `${op} of "${branchId}" in ${gid} was delivered before with another input: give every operation an id of its own, or make the input the same`,
      { details: { gid, branchId, op } },
    );
    this.name = 'BarrierMismatchError';
  }
}

/** The same operation, or the one it undoes, is in work in another transaction. Roll back, and deliver again a little later. */
export class BarrierInProgressError extends AmendsError {
  readonly retryable = true;

  constructor({ op, branchId, gid }: BarrierCall, cause?: unknown) {
    super('BARRIER_IN_PROGRESS', `"${branchId}" of ${gid} is in work in another transaction: roll back, and deliver ${op} again later`, {
      cause,
      details: { gid, branchId, op },
    });
    this.name = 'BarrierInProgressError';
  }
}

/**
 * What a step's handler makes of an outcome: the result, or nothing for an empty undo.
 *
 * @throws {StepFailed} a late action: it had no effect
 * @throws {BarrierMismatchError}
 * @example return db.transaction(async (tx) => barrierResult(call, await barrier(drizzleExecutor(tx, sql), call, () => reserve(tx, input))));
 */
export function barrierResult<Result>(
  call: BarrierCall & { readonly op: 'run' | 'try' | 'confirm' },
  outcome: BarrierOutcome<Result>,
): Result;
export function barrierResult<Result>(call: BarrierCall, outcome: BarrierOutcome<Result>): Result | undefined;
export function barrierResult<Result>(call: BarrierCall, outcome: BarrierOutcome<Result>): Result | undefined {
  switch (outcome.kind) {
    case 'executed':
    case 'duplicate':
      return outcome.result;
    case 'empty':
      return undefined;
    case 'suppressed':
      throw new StepFailed(`${call.op} of "${call.branchId}" in ${call.gid} comes after its undo and is refused`);
    case 'mismatch':
      throw new BarrierMismatchError(call);
  }
}
