import type { Amends } from './amends.ts';
import { AmendsError, HoldExpired, isAmendsError, StepFailed } from './errors.ts';
import { nestedId } from './flows/names.ts';
import { implementResource, type Resource, type ResourceImplementation } from './flows/resource.ts';
import type { TryContext } from './flows/resource-code.ts';
import type { StepContext } from './flows/step.ts';
import type { Tcc } from './flows/tcc.ts';
import type { TccOutcome } from './producers/tcc-outcome.ts';

/** Of the step or the resource on whose behalf a TCC is started: the same on each of its operations and deliveries. */
type Parent = (Pick<StepContext<unknown>, 'sagaId' | 'step'> | Pick<TryContext<unknown>, 'transactionId' | 'resource'>) &
  Pick<StepContext<unknown>, 'signal'>;

/** A TCC that a transaction around it has started. */
export interface NestedHold {
  readonly transactionId: string;
}

/** A TCC as a part of a saga or of another TCC. Its id follows from its parent's, so that it is started once however often it is asked for. */
export interface NestedTcc<In, Output> {
  /**
   * Holds all of it, and leaves the verdict open: a step's `run`, a resource's `try`. Until its deadline; then it is cancelled by itself.
   *
   * @throws {StepFailed} it can't be held, and nothing is
   */
  hold(parent: Parent, input: In): Promise<NestedHold>;
  /**
   * Confirms what is held: a later step's `run` that is `retriable`, a resource's `confirm`.
   *
   * @throws {HoldExpired} its deadline has passed and it was cancelled
   */
  confirm(held: NestedHold, context: { readonly signal: AbortSignal }): Promise<Output>;
  /** Cancels it, if it was ever started: the step's `compensate`, the resource's `cancel`. */
  cancel(parent: Parent, reason?: string): Promise<void>;
  /**
   * All of it in one go, for a step that is the pivot or retriable: what is confirmed is not undone.
   *
   * @throws {StepFailed} it was cancelled
   */
  complete(parent: Parent, input: In): Promise<Output>;
}

function childId(parent: Parent): string {
  return 'resource' in parent ? nestedId(parent.transactionId, parent.resource) : nestedId(parent.sagaId, parent.step);
}

/** What a parent is told of an outcome that it did not want. */
function unwanted(id: string, outcome: Exclude<TccOutcome<unknown>, { status: 'confirmed' }>): Error {
  if (outcome.status === 'cancelled')
    return new StepFailed(`tcc ${id} was cancelled: ${outcome.reason.message}`, { cause: outcome.reason });
  // A person works on it: the parent asks again, or is stuck itself.
  return new Error(`tcc ${id} is ${outcome.status}: ${outcome.reason.message}`, { cause: outcome.reason });
}

/**
 * Makes a TCC a part of what is around it. Workers of its own services carry it out; what waits for it here takes up a place in the queue it is
 * in, so let it not wait in the queue of a service that the TCC itself needs.
 *
 * @example
 * const trip = nest(amends, tripTcc);
 * implement(bookTrip, { run: (context) => trip.hold(context, context.input), compensate: (context) => trip.cancel(context) });
 * implement(confirmTrip, { run: (context) => trip.confirm(context.input, context) });    // later, retriable
 */
export function nest<In, Output>(amends: Pick<Amends, 'start' | 'get'>, tcc: Tcc<In, Output>): NestedTcc<In, Output> {
  return {
    async hold(parent, input) {
      const { signal } = parent;
      const run = await amends.start(tcc, input, { id: childId(parent), awaitsVerdict: true });
      if (await run.held({ signal })) return { transactionId: run.id };
      const outcome = await run.outcome({ signal });
      throw outcome.status === 'confirmed' ? new Error(`tcc ${run.id} was confirmed by somebody else`) : unwanted(run.id, outcome);
    },
    async confirm({ transactionId }, { signal }) {
      const run = amends.get(transactionId, tcc);
      try {
        await run.confirm();
      } catch (error) {
        if (!isAmendsError(error, 'NOT_ALLOWED')) throw error;
        const { status } = await run.view();
        if (status !== 'cancelling' && status !== 'cancelled') throw error;
        throw new HoldExpired(`tcc ${transactionId} was cancelled before it was to be confirmed`, { cause: error });
      }
      const outcome = await run.outcome({ signal });
      if (outcome.status === 'confirmed') return outcome.output;
      throw unwanted(transactionId, outcome);
    },
    async cancel(parent, reason = 'what it is a part of was cancelled') {
      const id = childId(parent);
      const run = amends.get(id, tcc);
      try {
        await run.cancel({ reason });
      } catch (error) {
        // Never started. Should that come after all, its deadline cancels it: nobody gives it a verdict.
        if (isAmendsError(error, 'TRANSACTION_NOT_FOUND')) return;
        throw error;
      }
      const outcome = await run.outcome({ signal: parent.signal });
      if (outcome.status !== 'cancelled') throw new Error(`tcc ${id} is ${outcome.status} and was to be cancelled`);
    },
    async complete(parent, input) {
      const run = await amends.start(tcc, input, { id: childId(parent) });
      const outcome = await run.outcome({ signal: parent.signal });
      if (outcome.status === 'confirmed') return outcome.output;
      throw unwanted(run.id, outcome);
    },
  };
}

/**
 * A TCC as a resource of another one: its tries are the try, its verdict follows that of the other.
 *
 * @param contract Its hold is a {@link NestedHold}; it lasts no longer than the inner TCC waits for its verdict.
 * @param map What the inner TCC is started with.
 * @throws {AmendsError} INVALID_DEFINITION when the inner TCC's deadline is shorter than the contract's hold
 */
export function nestedResource<Args, In>(
  amends: Pick<Amends, 'start' | 'get'>,
  // oxlint-disable-next-line typescript/no-explicit-any -- the input type plays no part in an implementation
  contract: Resource<string, any, Args, NestedHold>,
  tcc: Tcc<In, unknown>,
  map: (input: Args) => NoInfer<In>,
): ResourceImplementation {
  const { deadlineMs } = tcc.plan;
  if (deadlineMs === null || deadlineMs < contract.holdForMs) {
    throw new AmendsError(
      'INVALID_DEFINITION',
      `resource "${contract.name}" is held for ${contract.holdForMs} ms, and tcc "${tcc.name}", which it is, for ${deadlineMs} ms: give that a deadlineMs of ${contract.holdForMs} or more`,
    );
  }
  const nested = nest(amends, tcc);
  return implementResource(contract as Resource<string, unknown, unknown, unknown>, {
    try: (context) => nested.hold(context, map(context.input as Args)),
    confirm: (context) => nested.confirm(context.hold as NestedHold, context),
    cancel: (context) => nested.cancel(context, context.reason.message),
  });
}
