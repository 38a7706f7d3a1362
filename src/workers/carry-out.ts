import { AmendsError, isAmendsError, StepFailed } from '../errors.ts';
import { within, type Cause } from '../events/cause.ts';
import { asJson, copyOf, type Json, type PayloadLimits } from '../flows/json.ts';
import { parseWith, type Awaitable } from '../flows/schema.ts';
import type { CompensationContext, ConfirmCall, StepContext, StepLog } from '../flows/step.ts';
import { errorData, errorFrom } from '../machine/error-data.ts';
import type { ErrorData, FailureOutcome, JobOperation } from '../machine/state.ts';
import { operationWord } from '../machine/words.ts';
import { attempt, type AttemptLimits, type Attempted } from './attempt.ts';
import type { LazySignal } from './interrupts.ts';
import { idempotencyKey, type DueOperation } from './operation.ts';

type AnyDue = DueOperation<JobOperation>;

/** What came of one attempt, in the machine's terms. */
export type Carried =
  | { readonly kind: 'succeeded'; readonly result: Json; readonly verified: boolean }
  | {
      readonly kind: 'failed';
      readonly error: ErrorData;
      readonly outcome: FailureOutcome;
      readonly retryable: boolean;
      /** An answer that may still come after the time was up. */
      readonly late?: Promise<Attempted<unknown>> | undefined;
    }
  /** Left in its middle, because the worker is going down. */
  | { readonly kind: 'given up' };

type Failure = Extract<Carried, { kind: 'failed' }>;

export interface CarryOutOptions extends AttemptLimits {
  readonly attempt: number;
  readonly log: StepLog;
  readonly payload: PayloadLimits;
}

function failed(error: unknown, outcome: FailureOutcome, retryable: boolean): Failure {
  return { kind: 'failed', error: errorData(error), outcome, retryable };
}

function isRetryable(error: unknown): boolean {
  return !(error !== null && typeof error === 'object' && 'retryable' in error && error.retryable === false);
}

/** What a thrown error says: only a StepFailed knows that nothing happened. */
function failedBy(error: unknown): Failure {
  const definite = error instanceof StepFailed || isAmendsError(error, 'STEP_FAILED');
  return failed(error, definite ? 'definite' : 'unknown', isRetryable(error));
}

/** The step's input, parsed anew. A copy: what is kept of the transaction must not change when an action changes its input. */
function inputOf({ contract, name, step }: AnyDue): unknown {
  return parseWith(contract.input, copyOf(step.args), `the input of step "${name}"`);
}

/** The key of this operation, or of another one on the same step. */
function keyOf({ rules, state, step, name, op }: AnyDue, of = op): string {
  // A hold is renewed again and again, to another end each time.
  const word = of === 'renew' ? `renew:${step.hold?.expiresAtMs}` : operationWord(rules.plan, of);
  return idempotencyKey(state.id, name, word);
}

/** What an action is called with, and a reservation's try with its expiry. */
function contextOf(due: AnyDue, input: never, options: CarryOutOptions, stop: LazySignal): StepContext<never> {
  const { state, step, name } = due;
  return {
    input,
    sagaId: state.id,
    step: name,
    op: 'run',
    attempt: options.attempt,
    idempotencyKey: keyOf(due),
    log: options.log,
    ...(step.hold === undefined ? {} : { expiresAtMs: step.hold.expiresAtMs }),
    get signal() {
      return stop.signal;
    },
  };
}

/** On whose behalf the step's code appends events: the same on every attempt, so that they are stored once. */
function causeOf({ state, name }: AnyDue, key: string): Cause {
  return { key, correlationId: state.id, causationId: key, actor: `${state.kind ?? 'saga'}:${state.saga}/${name}` };
}

/** Checks and serialises what an action returned. By then the effect is there, so a result that can't be stored leaves the outcome unknown. */
function accept(due: AnyDue, value: unknown, options: CarryOutOptions, verified: boolean): Awaitable<Carried> {
  const what = `the result of step "${due.name}"`;
  const keep = (parsed: unknown): Carried => ({ kind: 'succeeded', result: asJson(parsed, what, options.payload), verified });
  const refuse = (error: unknown): Carried => failed(error, 'unknown', false);
  try {
    const parsed: unknown = parseWith(due.contract.result, value, what);
    return parsed instanceof Promise ? parsed.then(keep).catch(refuse) : keep(parsed);
  } catch (error) {
    return refuse(error);
  }
}

/** Asks the participant what became of an attempt whose outcome is unknown. `undefined`: it can't say. */
async function verify(due: AnyDue, input: never, options: CarryOutOptions): Promise<Carried | 'not-done' | undefined> {
  if (due.handler.verify === undefined) return undefined;
  const causes = (): Cause => causeOf(due, `${keyOf(due)}:verify`);
  const answer = await attempt((stop) => within(causes, () => due.handler.verify?.(contextOf(due, input, options, stop))), options);
  if (answer.kind === 'given up') return answer;
  if (answer.kind !== 'returned' || answer.value === 'unknown') return undefined;
  return answer.value === 'not-done' ? 'not-done' : accept(due, answer.value, options, true);
}

async function runAction(due: AnyDue, input: never, options: CarryOutOptions): Promise<Carried> {
  if (due.step.doubtful) {
    const found = await verify(due, input, options);
    if (found !== undefined && found !== 'not-done') return found;
  }
  const causes = (): Cause => causeOf(due, keyOf(due));
  const answer = await attempt((stop) => within(causes, () => due.handler.run(contextOf(due, input, options, stop))), options);
  if (answer.kind === 'returned') return accept(due, answer.value, options, false);
  if (answer.kind === 'given up') return answer;
  const failure = answer.kind === 'threw' ? failedBy(answer.error) : { ...failed(answer.error, 'unknown', true), late: answer.late };
  if (failure.outcome === 'definite') return failure;
  const found = await verify(due, input, options);
  if (found === undefined) return failure;
  // "Not done" settles it only for this moment: a request may still be under way, so it is tried again, or undone, as any unknown outcome.
  return found === 'not-done' ? failure : found;
}

function undoOf(due: AnyDue, input: never, options: CarryOutOptions, stop: LazySignal): CompensationContext<never, never> {
  const { state, step } = due;
  return Object.assign(contextOf(due, input, options, stop), {
    op: 'compensate' as const,
    result: copyOf(step.result) as never,
    actionIdempotencyKey: keyOf(due, 'run'),
    reason:
      state.turn?.kind === 'step_failed'
        ? errorFrom(state.turn.error)
        : new Error(state.turn?.kind === 'cancelled' ? state.turn.reason : 'deadline passed'),
  });
}

function confirmationOf(due: AnyDue, input: never, options: CarryOutOptions, stop: LazySignal): ConfirmCall {
  const { result, hold } = due.step;
  return Object.assign(contextOf(due, input, options, stop), {
    hold: copyOf(result) as never,
    expiresAtMs: due.renewUntilMs ?? hold?.expiresAtMs,
  });
}

/** The call of an undo or a confirm; `undefined` where there is no code for it. */
function obligationOf(due: AnyDue, input: never, options: CarryOutOptions): ((stop: LazySignal) => unknown) | undefined {
  const { handler, op } = due;
  if (op === 'renew') return handler.renew && ((stop) => handler.renew?.(confirmationOf(due, input, options, stop)));
  if (op === 'confirm' ? handler.confirm === undefined : handler.compensate === undefined) return undefined;
  if (op === 'confirm') return (stop) => handler.confirm?.(confirmationOf(due, input, options, stop));
  return (stop) => handler.compensate?.(undoOf(due, input, options, stop));
}

/** Carries out one attempt of an operation. Never throws: whatever happens is an outcome. */
export function carryOut(due: AnyDue, options: CarryOutOptions): Promise<Carried> {
  const go = (input: unknown): Promise<Carried> => (due.op === 'run' ? runAction : oblige)(due, input as never, options);
  const refuse = (error: unknown): Carried => failed(error, due.step.doubtful ? 'unknown' : 'definite', false); // it never ran
  try {
    const input = inputOf(due);
    return input instanceof Promise ? input.then(go, refuse) : go(input);
  } catch (error) {
    return Promise.resolve(refuse(error));
  }
}

/** An undo, a confirm or a renewal. */
async function oblige(due: AnyDue, input: never, options: CarryOutOptions): Promise<Carried> {
  const call = obligationOf(due, input, options);
  if (call === undefined) {
    const error = new AmendsError(
      'INVALID_DEFINITION',
      `step "${due.name}" has no ${due.op} here: deploy a worker that implements it, then retry`,
    );
    return failed(error, 'unknown', false);
  }
  const causes = (): Cause => causeOf(due, keyOf(due));
  const answer = await attempt((stop) => within(causes, () => call(stop)), options);
  if (answer.kind === 'returned') return { kind: 'succeeded', result: null, verified: false };
  if (answer.kind === 'given up') return answer;
  if (due.op === 'renew' && answer.kind === 'threw') return failedBy(answer.error);
  return failed(answer.error, 'unknown', isRetryable(answer.error));
}
