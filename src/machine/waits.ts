import { AmendsError } from '../errors.ts';
import { hashOf, type Json } from '../flows/json.ts';
import { stepOf, type Plan, type WaitPlan } from '../flows/plan.ts';
import { LONGEST_WAIT_MS } from '../flows/use.ts';
import { emit, type Draft } from './draft.ts';
import type { Fact } from './fact.ts';
import { isPastPivot } from './pivot.ts';
import { stepState, type ErrorData, type State } from './state.ts';

/**
 * When a wait ends by itself, milliseconds since the epoch; `null`: never.
 *
 * @throws {AmendsError} INVALID_INPUT when the function of a sleep gave neither a duration nor a moment
 */
export function untilOf(step: string, wait: WaitPlan, args: Json, nowMs: number): number | null {
  if (wait.kind === 'signal') return wait.timeoutMs === null ? null : nowMs + wait.timeoutMs;
  const untilMs = typeof args === 'string' ? Date.parse(args) : nowMs + Math.ceil(Number(args));
  if (args !== null && typeof args !== 'boolean' && typeof args !== 'object' && untilMs <= nowMs + LONGEST_WAIT_MS) return untilMs;
  throw new AmendsError(
    'INVALID_INPUT',
    `sleep "${step}": its duration is ${JSON.stringify(args)}: give milliseconds or a Date, at most a century ahead`,
  );
}

/** The steps that wait now. */
export function waitsOf(plan: Plan, state: State): readonly string[] {
  const names: string[] = [];
  for (const name of Object.keys(state.steps)) {
    const { status, wait } = state.steps[name]!;
    if (status === 'issued' && wait !== undefined && stepOf(plan, name).wait !== undefined) names.push(name);
  }
  return names;
}

/** When a step that waits has to be looked at at the latest, milliseconds since the epoch: `null`: when something else happens. */
export function wakesAtMs(plan: Plan, state: State, step: string): number | null {
  const untilMs = stepState(state, step)?.wait?.untilMs ?? null;
  const { deadlineAtMs, direction } = state;
  if (deadlineAtMs === null || direction === 'backward' || isPastPivot(plan, state)) return untilMs;
  return untilMs === null ? deadlineAtMs : Math.min(untilMs, deadlineAtMs);
}

/** Ends the waits whose signal has come. */
export function endWaits(draft: Draft): void {
  for (const step of waitsOf(draft.rules.plan, draft.state)) {
    if (!Object.hasOwn(draft.state.signals, step)) continue;
    emit(draft, { type: 'wait_ended', data: { step, by: 'signal', result: draft.state.signals[step] ?? null } });
  }
}

/** Takes back what waits, when the transaction turns: nothing was done there. */
export function withdrawWaits(draft: Draft): void {
  for (const step of waitsOf(draft.rules.plan, draft.state)) emit(draft, { type: 'step_withdrawn', data: { step } });
}

/** A wait's time may be up. Gives the error when that turns the transaction back. */
export function waitDue(draft: Draft, { step: name, nowMs }: Extract<Fact, { type: 'wait_due' }>): ErrorData | undefined {
  const { wait } = stepOf(draft.rules.plan, name);
  const step = stepState(draft.state, name);
  if (wait === undefined || step?.status !== 'issued' || draft.state.paused !== undefined) return undefined;
  if (Object.hasOwn(draft.state.signals, name)) return undefined; // it came first, and ends the wait
  const untilMs = step.wait?.untilMs ?? null;
  if (untilMs === null || nowMs < untilMs) return undefined;
  if (wait.kind === 'timer' || wait.onTimeout === 'continue') {
    emit(draft, { type: 'wait_ended', data: { step: name, by: wait.kind === 'timer' ? 'timer' : 'timeout', result: null } });
    return undefined;
  }
  const error: ErrorData = { name: 'SignalTimeout', message: `no signal "${name}" came within ${wait.timeoutMs} ms` };
  emit(draft, { type: 'step_failed', data: { step: name, error, outcome: 'definite' } });
  return error;
}

function signalsOf(plan: Plan): string {
  const names = Object.values(plan.steps).filter(({ wait }) => wait?.kind === 'signal');
  return names.length === 0 ? 'it waits for none' : `it waits for ${names.map(({ name }) => `"${name}"`).join(', ')}`;
}

/**
 * A signal is delivered once. Sent again with the same data it changes nothing, so that a sender may repeat itself.
 *
 * @throws {AmendsError} NOT_ALLOWED
 */
export function receive(draft: Draft, { signal, data, by, reason }: Extract<Fact, { type: 'signal_sent' }>): void {
  const { rules, state } = draft;
  const refuse = (problem: string): never => {
    throw new AmendsError('NOT_ALLOWED', problem, { details: { id: state.id, signal } });
  };
  if (!Object.hasOwn(rules.plan.steps, signal) || stepOf(rules.plan, signal).wait?.kind !== 'signal') {
    refuse(`saga "${state.saga}" version ${state.definitionVersion} has no signal "${signal}": ${signalsOf(rules.plan)}`);
  }
  if (Object.hasOwn(state.signals, signal)) {
    if (hashOf(state.signals[signal]) === hashOf(data)) return;
    refuse(`transaction ${state.id} has had signal "${signal}" with other data: the first one counts, look at its history`);
  }
  if (state.direction === 'backward') refuse(`transaction ${state.id} is being undone and waits for no signal any more`);
  if (stepState(state, signal)?.status === 'skipped') {
    refuse(`transaction ${state.id} no longer waits for signal "${signal}": its time was up, or the wait was left out`);
  }
  emit(draft, { type: 'signal_received', data: { signal, data, by, ...(reason === undefined ? {} : { reason }) } });
}
