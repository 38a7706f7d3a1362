import type { Signal } from '../flows/signal.ts';
import type { JournaledEvent } from '../journal/journal.ts';
import type { TransactionView } from '../machine/view.ts';
import type { ControlOptions, ReasonedOptions, RetryOptions } from './control.ts';
import type { SagaOutcome } from './outcome.ts';
import type { WaitOptions } from './outcomes.ts';

/** A handle on one saga, from any process. It holds nothing: drop it as you like. Its methods are called on it: they can't be taken out of it. */
export interface SagaRun<Output> {
  readonly id: string;
  /**
   * Waits until the saga has ended or is stuck. Failure is a value here; see {@link SagaRun.result} for the other way.
   *
   * @throws {AmendsError} OUTCOME_TIMEOUT, OUTPUT_FAILED, TRANSACTION_NOT_FOUND, CLOSED
   */
  outcome(options?: WaitOptions): Promise<SagaOutcome<Output>>;
  /**
   * The saga's output.
   *
   * @throws {SagaCompensatedError | SagaStuckError | AmendsError} when it ended otherwise; as `outcome` besides
   */
  result(options?: WaitOptions): Promise<Output>;
  /**
   * Turns the saga back. `true`: it turns back, or will if the pivot in flight fails; `false`: it had turned back or ended before.
   *
   * @throws {AmendsError} NOT_ALLOWED past the pivot
   */
  cancel(options?: ControlOptions): Promise<boolean>;
  /**
   * Sends a signal the saga waits for, or will. Delivered once: sent again with the same data it changes nothing, and gives `false`.
   *
   * @throws {AmendsError} INVALID_INPUT, NOT_ALLOWED (no such signal, sent before with other data, no longer waited for, the saga has ended)
   * @example await run.signal(approval, { approvedBy: 'ann' });
   */
  signal<In>(signal: Signal<string, In, unknown>, data: NoInfer<In>, options?: ControlOptions): Promise<boolean>;
  /** Holds it: what is in work settles, nothing new begins, no deadline strikes. `false`: it was paused or had ended before. */
  pause(options?: ControlOptions): Promise<boolean>;
  /** Lets it go on. `false`: it was not paused. */
  resume(options?: ControlOptions): Promise<boolean>;
  /**
   * Tries again what it is stuck on: all of it, or one step of several.
   *
   * @throws {AmendsError} NOT_ALLOWED when it, or that step, isn't stuck
   * @example await run.retry({ step: 'send_mail', reason: 'the mail server is back' });
   */
  retry(options?: RetryOptions): Promise<void>;
  /**
   * Ends it here and now; nothing more is done or undone. Gives the steps whose effects stand, or may.
   *
   * @throws {AmendsError} INVALID_OPTION (no reason), NOT_ALLOWED (it has ended)
   */
  terminate(options: ReasonedOptions): Promise<readonly string[]>;
  /**
   * Gives up a stuck undo: the ones before it go on, and the saga ends as terminated with that step left behind.
   *
   * @throws {AmendsError} INVALID_OPTION (no reason), NOT_ALLOWED (that undo is not stuck)
   */
  skip(step: string, options: ReasonedOptions): Promise<void>;
  /**
   * Records that a person has done a stuck undo: the ones before it go on, and the saga can still end as compensated.
   *
   * @throws {AmendsError} INVALID_OPTION (no reason), NOT_ALLOWED (that undo is not stuck)
   */
  markUndone(step: string, options: ReasonedOptions): Promise<void>;
  /** Everything that has happened to it, in order. */
  history(): Promise<readonly JournaledEvent[]>;
  /** How it stands now. */
  view(): Promise<TransactionView>;
}
