import type { Bindings, Values } from '../flows/bindings.ts';
import { asJson, copyOf, type Json } from '../flows/json.ts';
import { stepOf, type Plan } from '../flows/plan.ts';
import { emit, type Draft } from './draft.ts';
import { errorData } from './error-data.ts';
import type { TransactionEvent } from './event.ts';
import { isPastPivot } from './pivot.ts';
import { isTerminal, stepState, type State } from './state.ts';
import { cancelHeld, confirmHeld, reachVerdict } from './verdict.ts';
import { endWaits, untilOf } from './waits.ts';

// --- what the plan says of a state ---------------------------------------------------------------

function needsUndo(plan: Plan, state: State, name: string): boolean {
  const step = stepState(state, name);
  if (step === undefined || stepOf(plan, name).kind !== 'compensatable') return false;
  return step.status === 'succeeded' || (step.status === 'failed' && step.outcome === 'unknown');
}

/** Step states in which an effect stands, or may. */
const STANDING: ReadonlySet<string> = new Set([
  'issued',
  'succeeded',
  'stuck',
  'compensating',
  'compensation_stuck',
  'compensation_skipped',
  'confirming',
  'confirm_stuck',
  'confirm_skipped',
]);

/** The steps whose effects stand, or may, in plan order. */
export function standing(plan: Plan, state: State): readonly string[] {
  return plan.stages.flat().filter((name) => {
    const step = stepState(state, name);
    if (step === undefined || step.unbound === true || stepOf(plan, name).kind === 'readOnly') return false;
    return STANDING.has(step.status) || (step.status === 'failed' && step.outcome === 'unknown');
  });
}

/** What would be undone if the transaction turned back now, in that order. */
export function undoOrder(plan: Plan, state: State): readonly string[] {
  return state.settled.filter((name) => needsUndo(plan, state, name)).reverse();
}

const HAS_RESULT: ReadonlySet<string> = new Set(['succeeded', 'confirmed']);

function hasResult({ rules, state }: Draft, name: string): boolean {
  return HAS_RESULT.has(stepState(state, name)?.status ?? '') && stepOf(rules.plan, name).wait?.kind !== 'timer';
}

/**
 * The results mappers see. Copies: one that sorts a list of its input in place must not change the state, which is kept and decided on again.
 * Each is made when it is first looked at: most mappers read one or two results of many.
 */
function resultsOf(draft: Draft): Record<string, unknown> {
  const { state } = draft;
  const has = (name: string | symbol): name is string => typeof name === 'string' && hasResult(draft, name);
  const copied = (target: Record<string, unknown>, name: string | symbol): void => {
    if (has(name) && !Object.hasOwn(target, name)) target[name] = copyOf(state.steps[name]!.result);
  };
  return new Proxy<Record<string, unknown>>(
    {},
    {
      get(target, name, receiver) {
        copied(target, name);
        return Reflect.get(target, name, receiver) as unknown;
      },
      has: (target, name) => has(name) || Reflect.has(target, name),
      ownKeys: (target) => [...new Set([...Object.keys(state.steps).filter(has), ...Reflect.ownKeys(target)])],
      getOwnPropertyDescriptor(target, name) {
        copied(target, name);
        return Reflect.getOwnPropertyDescriptor(target, name);
      },
    },
  );
}

/** What mappers see: copies, as said above. Properties of its own, for a mapper that spreads it. */
function valuesOf(draft: Draft): Values {
  let input: { readonly copy: Json } | undefined;
  let results: Record<string, unknown> | undefined;
  return {
    get input(): unknown {
      input ??= { copy: copyOf(draft.state.input) };
      return input.copy;
    },
    get results() {
      return (results ??= resultsOf(draft));
    },
  };
}

// --- what comes next -----------------------------------------------------------------------------

/** From when it is asked for, so that it is the same on every attempt. */
function holdUntil({ rules }: Draft, step: string): { readonly hold?: { readonly expiresAtMs: number } } {
  const { hold } = stepOf(rules.plan, step);
  return hold === undefined ? {} : { hold: { expiresAtMs: (rules.nowMs ?? 0) + hold.forMs } };
}

/** Binds the steps of the next stage all before any is issued, so that none runs when a sibling's mapper throws. */
function issueStage(draft: Draft, bindings: Bindings, names: readonly string[]): void {
  const events: TransactionEvent[] = [];
  for (const step of names) {
    try {
      const bound = bindings.bind(step, valuesOf(draft));
      if (bound.skip) {
        events.push({ type: 'step_skipped', data: { step } });
        continue;
      }
      const args = asJson(bound.args, `the input of step "${step}"`, draft.rules.limits);
      const { wait } = stepOf(draft.rules.plan, step);
      const until = wait === undefined ? {} : { wait: { untilMs: untilOf(step, wait, args, draft.rules.nowMs ?? 0) } };
      events.push({ type: 'step_issued', data: { step, args, ...until, ...holdUntil(draft, step) } });
    } catch (thrown) {
      const error = errorData(thrown);
      const { kind } = stepOf(draft.rules.plan, step);
      if (isPastPivot(draft.rules.plan, draft.state) || kind === 'retriable') {
        emit(draft, { type: 'step_stuck', data: { step, error, unbound: true } });
      } else {
        // A reservation that was never asked for is none: nothing is cancelled there.
        if (kind !== 'reservation') emit(draft, { type: 'step_failed', data: { step, error, outcome: 'definite' } });
        emit(draft, { type: 'saga_turned', data: { turn: { kind: 'step_failed', step, error } } });
      }
      return;
    }
  }
  for (const event of events) emit(draft, event);
}

function outputOf(draft: Draft, { output }: Bindings): unknown {
  if (output !== undefined) return output(valuesOf(draft));
  const { steps } = draft.state;
  return Object.fromEntries(
    Object.keys(steps)
      .filter((name) => hasResult(draft, name))
      .map((name) => [name, steps[name]!.result]),
  );
}

function complete(draft: Draft, bindings: Bindings): void {
  const type = draft.rules.plan.kind === 'tcc' ? ('tcc_confirmed' as const) : ('saga_completed' as const);
  try {
    emit(draft, { type, data: { output: asJson(outputOf(draft, bindings), 'the output', draft.rules.limits) } });
  } catch (error) {
    // Every effect is there and wanted: a fault in the mapper of the answer is no reason to undo them.
    emit(draft, { type, data: { output: null, outputError: errorData(error) } });
  }
}

function terminateSkipped(draft: Draft, skipped: NonNullable<State['skipped']>): void {
  emit(draft, { type: 'saga_terminated', data: { ...skipped, notCompensated: standing(draft.rules.plan, draft.state) } });
}

/** One move forward of a TCC that has its verdict. */
function confirm(draft: Draft): boolean {
  if (confirmHeld(draft)) return true;
  const statuses = Object.values(draft.state.steps).map(({ status }) => status);
  if (statuses.some((status) => status === 'confirming' || status === 'confirm_stuck')) return false;
  if (draft.state.skipped !== undefined) terminateSkipped(draft, draft.state.skipped);
  else if (draft.rules.bindings === undefined) return false;
  else complete(draft, draft.rules.bindings);
  return true;
}

/** The first stage with a step that is not over. */
function openStage(plan: Plan, state: State): readonly string[] | undefined {
  const isOver = (name: string): boolean => {
    const status = stepState(state, name)?.status;
    return status === 'succeeded' || status === 'skipped';
  };
  return plan.stages.find((stage) => !stage.every(isOver));
}

/** One move forward; `false` when there is nothing to do until something else happens. */
function forward(draft: Draft): boolean {
  const { plan, bindings } = draft.rules;
  if (draft.state.verdict !== undefined) return confirm(draft);
  if (bindings === undefined) return false;
  endWaits(draft);
  const stage = openStage(plan, draft.state);
  if (stage === undefined && plan.kind === 'tcc') return reachVerdict(draft);
  if (stage === undefined) {
    complete(draft, bindings);
    return true;
  }
  const untouched: string[] = [];
  for (const name of stage) if (stepState(draft.state, name) === undefined) untouched.push(name);
  if (untouched.length === 0) return false;
  issueStage(draft, bindings, untouched);
  return true;
}

/** One move of a TCC that is cancelled: its reservations don't depend on each other. */
function cancel(draft: Draft): boolean {
  if (cancelHeld(draft)) return true;
  if (Object.values(draft.state.steps).some(({ status }) => ['issued', 'compensating', 'compensation_stuck'].includes(status)))
    return false;
  if (draft.state.skipped !== undefined) terminateSkipped(draft, draft.state.skipped);
  else emit(draft, { type: 'tcc_cancelled', data: {} });
  return true;
}

/** One move backward: nothing is undone before all in flight has settled, and then one step at a time. */
function backward(draft: Draft): boolean {
  if (draft.rules.plan.kind === 'tcc') return cancel(draft);
  const busy = Object.values(draft.state.steps).some(({ status }) =>
    ['issued', 'stuck', 'compensating', 'compensation_stuck'].includes(status),
  );
  if (busy) return false;
  const [step] = undoOrder(draft.rules.plan, draft.state);
  if (step !== undefined) {
    emit(draft, { type: 'compensation_issued', data: { step } });
  } else if (draft.state.skipped !== undefined) {
    terminateSkipped(draft, draft.state.skipped);
  } else {
    emit(draft, { type: 'saga_compensated', data: {} });
  }
  return true;
}

/** All that follows by itself from where the draft stands. */
export function follow(draft: Draft): Draft {
  while (
    !isTerminal(draft.state) &&
    draft.state.paused === undefined &&
    (draft.state.direction === 'forward' ? forward(draft) : backward(draft))
  );
  return draft;
}
