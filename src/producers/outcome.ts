import { AmendsError, SagaCompensatedError, SagaStuckError } from '../errors.ts';
import type { Plan } from '../flows/plan.ts';
import { errorFrom } from '../machine/error-data.ts';
import { operationIn, STUCK, type State } from '../machine/state.ts';
import { leftBehind } from '../machine/view.ts';

/** How a saga ended, or that it waits for a person. */
export type SagaOutcome<Output> =
  | { readonly status: 'completed'; readonly output: Output }
  /** Undone: nothing is left behind. `failedStep` is `undefined` when it was cancelled or its deadline passed. */
  | { readonly status: 'compensated'; readonly failedStep: string | undefined; readonly reason: Error }
  /** An undo, or the pivot, needs a person. `notCompensated` are the steps whose effects still stand. */
  | { readonly status: 'stuck'; readonly failedStep: string; readonly reason: Error; readonly notCompensated: readonly string[] }
  /** Ended by an operator; `notCompensated` was left behind. */
  | {
      readonly status: 'terminated';
      readonly failedStep: string | undefined;
      readonly reason: Error;
      readonly notCompensated: readonly string[];
    };

export function turnReason({ id, turn }: State): { failedStep: string | undefined; reason: Error } {
  switch (turn?.kind) {
    case 'step_failed':
      return { failedStep: turn.step, reason: errorFrom(turn.error) };
    case 'cancelled':
      return { failedStep: undefined, reason: new Error(`cancelled by ${turn.by}: ${turn.reason}`) };
    case 'deadline':
      return { failedStep: undefined, reason: new Error('its deadline passed') };
    default:
      return { failedStep: undefined, reason: new Error(`transaction ${id} turned back`) };
  }
}

/** What it is stuck on, the first of several. */
export function stuckOn({ steps }: State): { readonly step: string; readonly reason: Error } {
  const stuck = Object.entries(steps).find(([, { status }]) => operationIn(status, STUCK) !== undefined);
  const error = stuck?.[1].error;
  return { step: stuck?.[0] ?? '', reason: error === undefined ? new Error('stuck') : errorFrom(error) };
}

/** @throws {AmendsError} OUTPUT_FAILED */
export function checkOutput({ id, status, outputError }: Pick<State, 'id' | 'status' | 'outputError'>): void {
  if (outputError === undefined) return;
  throw new AmendsError('OUTPUT_FAILED', `transaction ${id} ${status}, but the mapper of its output failed: correct .returns()`, {
    cause: errorFrom(outputError),
  });
}

/** An end that is known without the rest of the transaction. */
export type CompletedSaga = Pick<State, 'id' | 'output' | 'outputError'> & { readonly status: 'completed' };

/** @throws {AmendsError} OUTPUT_FAILED */
export function completedOutcome<Output>(saga: Pick<State, 'id' | 'status' | 'output' | 'outputError'>): SagaOutcome<Output> {
  checkOutput(saga);
  return { status: 'completed', output: saga.output as Output };
}

/**
 * The outcome of a state that has one; `undefined` while it is under way.
 *
 * @throws {AmendsError} OUTPUT_FAILED when the saga completed but its `.returns()` threw
 */
export function outcomeOf<Output>(state: State, plan: Plan | undefined): SagaOutcome<Output> | undefined {
  const notCompensated = plan === undefined ? [] : leftBehind(plan, state);
  switch (state.status) {
    case 'completed':
      return completedOutcome(state);
    case 'compensated':
      return { status: 'compensated', ...turnReason(state) };
    case 'terminated':
      return {
        status: 'terminated',
        failedStep: turnReason(state).failedStep,
        reason: new Error(`terminated by ${state.termination?.by}: ${state.termination?.reason}`),
        notCompensated,
      };
    case 'stuck': {
      const { step, reason } = stuckOn(state);
      return { status: 'stuck', failedStep: step, reason, notCompensated };
    }
    default:
      return undefined;
  }
}

/** The output, or the error that stands for how it ended instead. */
export function resultOf<Output>(id: string, outcome: SagaOutcome<Output>): Output {
  switch (outcome.status) {
    case 'completed':
      return outcome.output;
    case 'compensated': {
      const at = outcome.failedStep === undefined ? '' : ` at ${outcome.failedStep}`;
      throw new SagaCompensatedError(`saga ${id} was undone${at}: ${outcome.reason.message}`, {
        cause: outcome.reason,
        details: { id, failedStep: outcome.failedStep },
      });
    }
    case 'stuck':
      throw new SagaStuckError(
        `saga ${id} is stuck at ${outcome.failedStep}: ${outcome.reason.message}; mend the cause, then amends retry ${id}`,
        { cause: outcome.reason, details: { id, failedStep: outcome.failedStep, notCompensated: outcome.notCompensated } },
      );
    case 'terminated':
      throw new AmendsError('SAGA_TERMINATED', `saga ${id} was terminated by an operator: ${outcome.reason.message}`, {
        cause: outcome.reason,
        details: { id, notCompensated: outcome.notCompensated },
      });
  }
}
