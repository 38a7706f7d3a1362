import { AmendsError, TccCancelledError, TccStuckError } from '../errors.ts';
import type { Plan } from '../flows/plan.ts';
import { stepState, type State } from '../machine/state.ts';
import { leftBehind, verdictOf } from '../machine/view.ts';
import { checkOutput, stuckOn, turnReason } from './outcome.ts';

/** What of a TCC came out how. With a verdict to confirm and leftovers its outcome is mixed: some are confirmed and some are not. */
interface Mixed {
  /** Reservations that are confirmed. */
  readonly confirmed: readonly string[];
  /** Reservations that the verdict has not reached: neither confirmed nor cancelled, as it demands. */
  readonly leftovers: readonly string[];
}

/** How a TCC ended, or that it waits for a person. */
export type TccOutcome<Output> =
  | { readonly status: 'confirmed'; readonly output: Output }
  /** Nothing is held any more. `failedReservation` is `undefined` when it was cancelled by a person or its deadline passed. */
  | { readonly status: 'cancelled'; readonly failedReservation: string | undefined; readonly reason: Error }
  /** A confirm or a cancel needs a person. */
  | ({
      readonly status: 'stuck';
      readonly verdict: 'confirm' | 'cancel';
      readonly failedReservation: string;
      readonly reason: Error;
    } & Mixed)
  /** Ended by an operator. `verdict` is `undefined` when there was none. */
  | ({ readonly status: 'terminated'; readonly verdict: 'confirm' | 'cancel' | undefined; readonly reason: Error } & Mixed);

/**
 * The outcome of a state that has one; `undefined` while it is under way.
 *
 * @throws {AmendsError} OUTPUT_FAILED when it is confirmed but its `.returns()` threw
 */
export function tccOutcomeOf<Output>(state: State, plan: Plan): TccOutcome<Output> | undefined {
  const mixed = (): Mixed => ({
    confirmed: plan.stages.flat().filter((name) => stepState(state, name)?.status === 'confirmed'),
    leftovers: leftBehind(plan, state),
  });
  switch (state.status) {
    case 'confirmed':
      checkOutput(state);
      return { status: 'confirmed', output: state.output as Output };
    case 'cancelled': {
      const { failedStep, reason } = turnReason(state);
      return { status: 'cancelled', failedReservation: failedStep, reason };
    }
    case 'stuck': {
      const { step, reason } = stuckOn(state);
      return { status: 'stuck', verdict: verdictOf(state) ?? 'cancel', failedReservation: step, reason, ...mixed() };
    }
    case 'terminated': {
      const reason = new Error(`terminated by ${state.termination?.by}: ${state.termination?.reason}`);
      return { status: 'terminated', verdict: verdictOf(state), reason, ...mixed() };
    }
    default:
      return undefined;
  }
}

/** The output, or the error that stands for how it ended instead. */
export function tccResultOf<Output>(id: string, outcome: TccOutcome<Output>): Output {
  switch (outcome.status) {
    case 'confirmed':
      return outcome.output;
    case 'cancelled': {
      const { failedReservation, reason } = outcome;
      const at = failedReservation === undefined ? '' : ` at ${failedReservation}`;
      throw new TccCancelledError(`tcc ${id} was cancelled${at}: ${reason.message}`, { cause: reason, details: { id, failedReservation } });
    }
    case 'stuck': {
      const { verdict, failedReservation, reason, confirmed, leftovers } = outcome;
      throw new TccStuckError(
        `tcc ${id} is stuck at the ${verdict} of ${failedReservation}: ${reason.message}; mend the cause, then amends retry ${id}`,
        { cause: reason, details: { id, verdict, failedReservation, confirmed, leftovers } },
      );
    }
    case 'terminated': {
      const { verdict, reason, confirmed, leftovers } = outcome;
      throw new AmendsError('TCC_TERMINATED', `tcc ${id} was terminated by an operator: ${reason.message}`, {
        cause: reason,
        details: { id, verdict, confirmed, leftovers },
      });
    }
  }
}
