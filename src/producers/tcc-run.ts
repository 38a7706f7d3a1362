import type { ControlOptions } from './control.ts';
import type { WaitOptions } from './outcomes.ts';
import type { SagaRun } from './run.ts';
import type { TccOutcome } from './tcc-outcome.ts';

/** A handle on one TCC, from any process. It holds nothing: drop it as you like. Its methods are called on it: they can't be taken out of it. */
export interface TccRun<Output> extends Omit<SagaRun<Output>, 'outcome' | 'result' | 'signal' | 'cancel' | 'skip'> {
  /**
   * Waits until the TCC has ended or is stuck. Failure is a value here; see {@link TccRun.result} for the other way.
   *
   * @throws {AmendsError} OUTCOME_TIMEOUT, OUTPUT_FAILED, TRANSACTION_NOT_FOUND, CLOSED
   */
  outcome(options?: WaitOptions): Promise<TccOutcome<Output>>;
  /**
   * The output of a TCC that is confirmed.
   *
   * @throws {TccCancelledError | TccStuckError | AmendsError} when it ended otherwise; as `outcome` besides
   */
  result(options?: WaitOptions): Promise<Output>;
  /**
   * Gives the verdict to cancel. `true`: it is cancelled; `false`: it had that verdict or had ended before.
   *
   * @throws {AmendsError} NOT_ALLOWED when its verdict is to confirm: that never changes
   */
  cancel(options?: ControlOptions): Promise<boolean>;
  /**
   * Of a TCC that was started with `awaitsVerdict`: waits until everything is held. `false`: it never will be, it is cancelled.
   *
   * @throws {AmendsError} OUTCOME_TIMEOUT, TRANSACTION_NOT_FOUND, CLOSED
   */
  held(options?: WaitOptions): Promise<boolean>;
  /**
   * Of a TCC that was started with `awaitsVerdict`: gives the verdict to confirm. Given again it changes nothing.
   *
   * @throws {AmendsError} NOT_ALLOWED when not everything is held yet, when it is cancelled, or when a hold is about to run out
   */
  confirm(options?: ControlOptions): Promise<void>;
  /**
   * Gives up a stuck confirm or cancel: the TCC ends as terminated with that reservation among its leftovers.
   *
   * @throws {AmendsError} INVALID_OPTION (no reason), NOT_ALLOWED (that reservation is not stuck)
   */
  skip(...args: Parameters<SagaRun<Output>['skip']>): Promise<void>;
}
