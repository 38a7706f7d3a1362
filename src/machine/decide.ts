import { AmendsError } from '../errors.ts';
import { stepOf } from '../flows/plan.ts';
import { emit, type Draft, type Rules } from './draft.ts';
import type { AttemptFacts, EventData, TransactionEvent } from './event.ts';
import { begun } from './shape.ts';
import type { Fact } from './fact.ts';
import { actionFailed, attemptFacts, lost, obligationFailed } from './failure.ts';
import { isPastPivot } from './pivot.ts';
import { follow, standing } from './progress.ts';
import { mayRenew } from './renewal.ts';
import { DUE, isTerminal, operationIn, stepState, STUCK, type ErrorData, type Operation, type State, type StepState } from './state.ts';
import { turn, turnNow } from './turn.ts';
import { giveVerdict } from './verdict.ts';
import { receive, waitDue } from './waits.ts';

export type { Rules };

/**
 * An attempt that was given up (it timed out, or its worker was taken for lost) speaks up while a later one may be running. What it says must
 * not settle the operation: the transaction would go on, or be undone, under the feet of the later attempt, which will tell the same.
 */
function isOvertaken(step: StepState, { attempt }: AttemptFacts): boolean {
  return attempt <= step.attemptsEver;
}

/** While it backs off no later attempt is running. */
function mayOverlap(step: StepState, facts: AttemptFacts): boolean {
  return isOvertaken(step, facts) && !step.backingOff;
}

function recordLate(draft: Draft, fact: Extract<Fact, { type: 'succeeded' | 'answered_late' }>): void {
  emit(draft, { type: 'late_result', data: { step: fact.step, op: 'run', succeeded: true, ...attemptFacts(fact) } });
}

function succeeded(draft: Draft, fact: Extract<Fact, { type: 'succeeded' }>, step: StepState): void {
  if (step.status === 'succeeded') return; // told twice
  // What is never undone goes on at any word of success: no undo can get under the feet of the later attempt.
  const { kind } = stepOf(draft.rules.plan, fact.step);
  const refused = (kind === 'compensatable' || kind === 'reservation') && mayOverlap(step, fact);
  if ((step.status !== 'issued' && step.status !== 'stuck') || refused) {
    recordLate(draft, fact);
    return;
  }
  const verified = fact.verified === true ? { verified: true } : {};
  emit(draft, { type: 'step_succeeded', data: { step: fact.step, result: fact.result, ...verified, ...attemptFacts(fact) } });
}

const WITHDRAWN: ErrorData = { name: 'Withdrawn', message: 'taken back between two attempts, the first of which may have had an effect' };

function withdrawn(draft: Draft, name: string, step: StepState): void {
  const { direction, pendingTurn } = draft.state;
  if (step.status !== 'issued' || (direction === 'forward' && pendingTurn === undefined)) return;
  const isPivot = stepOf(draft.rules.plan, name).kind === 'pivot';
  if (isPivot && step.doubtful) return; // only its outcome can settle it
  if (step.doubtful) emit(draft, { type: 'step_failed', data: { step: name, error: WITHDRAWN, outcome: 'unknown' } });
  else emit(draft, { type: 'step_withdrawn', data: { step: name } });
  if (isPivot && pendingTurn !== undefined) turnNow(draft, pendingTurn);
}

function cancel(draft: Draft, fact: Extract<Fact, { type: 'cancel_requested' }>): void {
  if (draft.state.direction === 'backward') return;
  if (isPastPivot(draft.rules.plan, draft.state)) {
    if (draft.state.verdict !== undefined) {
      throw new AmendsError('NOT_ALLOWED', `transaction ${draft.state.id} has its verdict and will be confirmed: it can't be cancelled`);
    }
    throw new AmendsError(
      'NOT_ALLOWED',
      `transaction ${draft.state.id} is past its point of no return and will complete: it can't be cancelled; start a saga that reverses it`,
    );
  }
  resume(draft, { by: fact.by }); // or nothing would be undone
  turn(draft, { kind: 'cancelled', reason: fact.reason, by: fact.by });
}

/** What is stuck, in the plan's order: the state's own changes when what was never issued is tried again. */
function stuckOperations({ rules, state }: Draft): readonly { readonly step: string; readonly op: Operation }[] {
  return Object.keys(rules.plan.steps).flatMap((step) => {
    const status = stepState(state, step)?.status;
    const op = status === undefined ? undefined : operationIn(status, STUCK);
    return op === undefined ? [] : [{ step, op }];
  });
}

/** The stuck operations of these kinds that an act is about: of the step that it names, or of all. */
function meant(draft: Draft, only: string | undefined, ops: readonly Operation[], rule: string): ReturnType<typeof stuckOperations> {
  const found = stuckOperations(draft).filter(({ step, op }) => ops.includes(op) && (only === undefined || step === only));
  if (found.length > 0) return found;
  if (only === undefined) throw new AmendsError('NOT_ALLOWED', `transaction ${draft.state.id} has no undo that is stuck: ${rule}`);
  const status = stepState(draft.state, only)?.status;
  const instead = status === undefined ? '' : ` (the step is ${status})`;
  throw new AmendsError('NOT_ALLOWED', `the undo of "${only}" is not stuck${instead}: ${rule}`);
}

function retry(draft: Draft, fact: Extract<Fact, { type: 'retry_requested' }>): void {
  const asked = fact.reason === undefined ? { by: fact.by } : { by: fact.by, reason: fact.reason };
  for (const { step, op } of stuckOperations(draft)) {
    if (fact.step === undefined || fact.step === step) emit(draft, { type: 'retry_requested', data: { step, op, ...asked } });
  }
}

function pause(draft: Draft, { by, reason }: Extract<Fact, { type: 'pause_requested' }>): void {
  if (draft.state.paused === undefined) emit(draft, { type: 'saga_paused', data: reason === undefined ? { by } : { by, reason } });
}

function resume(draft: Draft, { by, reason }: { readonly by: string; readonly reason?: string }): void {
  if (draft.state.paused !== undefined) emit(draft, { type: 'saga_resumed', data: reason === undefined ? { by } : { by, reason } });
}

function terminate(draft: Draft, { by, reason }: Extract<Fact, { type: 'terminate_requested' }>): void {
  emit(draft, { type: 'saga_terminated', data: { by, reason, notCompensated: standing(draft.rules.plan, draft.state) } });
}

function skip(draft: Draft, { step: only, by, reason }: Extract<Fact, { type: 'skip_requested' }>): void {
  for (const { step, op } of meant(draft, only, ['compensate', 'confirm'], "only one that can't be done may be skipped")) {
    emit(draft, { type: op === 'compensate' ? 'compensation_skipped' : 'confirm_skipped', data: { step, by, reason } });
  }
}

/** As if the undo had succeeded: what comes before it goes on. */
function undoneByHand(draft: Draft, { step: only, by, reason }: Extract<Fact, { type: 'undone_by_hand' }>): void {
  for (const { step } of meant(draft, only, ['compensate'], "only one that can't be done may be done by hand")) {
    const attempt = (stepState(draft.state, step)?.attemptsEver ?? 0) + 1;
    const facts = attemptFacts({ attempt, worker: by, startedAtMs: draft.rules.nowMs ?? 0 });
    emit(draft, { type: 'compensation_succeeded', data: { step, byHand: { by, reason }, ...facts } });
  }
}

function inFlight(step: StepState, op: Operation): boolean {
  return step.status === DUE[op];
}

function takeIn(draft: Draft, fact: Fact): void {
  switch (fact.type) {
    case 'cancel_requested':
      return cancel(draft, fact);
    case 'retry_requested':
      return retry(draft, fact);
    case 'deadline_passed': {
      const { deadlineAtMs, direction } = draft.state;
      if (deadlineAtMs === null || fact.nowMs < deadlineAtMs || direction === 'backward' || draft.state.paused !== undefined) return;
      if (!isPastPivot(draft.rules.plan, draft.state)) turn(draft, { kind: 'deadline' });
      return;
    }
    case 'pause_requested':
      return pause(draft, fact);
    case 'resume_requested':
      return resume(draft, fact);
    case 'terminate_requested':
      return terminate(draft, fact);
    case 'skip_requested':
      return skip(draft, fact);
    case 'undone_by_hand':
      return undoneByHand(draft, fact);
    case 'signal_sent':
      return receive(draft, fact);
    case 'wait_due': {
      const error = waitDue(draft, fact);
      if (error !== undefined) turnNow(draft, { kind: 'step_failed', step: fact.step, error });
      return;
    }
    case 'confirm_requested':
      return giveVerdict(draft, fact);
    case 'nudged':
      return;
    default:
      break;
  }
  stepOf(draft.rules.plan, fact.step);
  const step = stepState(draft.state, fact.step);
  if (step === undefined || step.unbound === true) return; // never issued: nobody can know anything of it
  switch (fact.type) {
    case 'attempt_started': {
      if (!inFlight(step, fact.op) || step.attemptsEver === 0) return;
      const facts = attemptFacts({ ...fact, attempt: step.attemptsEver + 1 });
      return emit(draft, { type: 'attempt_started', data: { step: fact.step, op: fact.op, ...facts } });
    }
    case 'attempt_lost':
      if (!inFlight(step, fact.op)) return;
      return lost(draft, fact, step);
    case 'succeeded':
      return succeeded(draft, fact, step);
    case 'answered_late':
      // Still in flight: a later attempt, under the same key, will say what happened.
      if (step.status !== 'issued' && step.status !== 'succeeded') recordLate(draft, fact);
      return;
    case 'attempt_failed':
      if (!inFlight(step, fact.op) || isOvertaken(step, fact)) return;
      return fact.op === 'run' ? actionFailed(draft, fact, step) : obligationFailed(draft, fact, step);
    case 'compensated':
      if (step.status !== 'compensation_stuck' && (step.status !== 'compensating' || mayOverlap(step, fact))) return;
      return emit(draft, { type: 'compensation_succeeded', data: { step: fact.step, ...attemptFacts(fact) } });
    case 'confirmed':
      // Whoever says so is right: nothing undoes it under the feet of a later attempt.
      if (step.status !== 'confirming' && step.status !== 'confirm_stuck') return;
      return emit(draft, { type: 'confirm_succeeded', data: { step: fact.step, ...attemptFacts(fact) } });
    case 'renewed':
      if (!mayRenew(draft.rules.plan, draft.state, fact.step)) return;
      return emit(draft, { type: 'hold_renewed', data: { step: fact.step, expiresAtMs: fact.expiresAtMs } });
    case 'renewal_failed':
      if (mayRenew(draft.rules.plan, draft.state, fact.step)) turnNow(draft, { kind: 'step_failed', step: fact.step, error: fact.error });
      return;
    case 'withdrawn':
      return withdrawn(draft, fact.step, step);
  }
}

/** Events to append to the journal, and the state they lead to. No events: nothing changes. */
export interface Decision {
  readonly events: readonly TransactionEvent[];
  readonly state: State;
}

/**
 * What follows from a fact. No events: it changes nothing (told twice, or too late).
 * Pure: time and chance come in with the fact.
 *
 * @throws {AmendsError} NOT_ALLOWED when an operator asks for what the rules forbid
 */
export function decision(rules: Rules, state: State, fact: Fact): Decision {
  const draft: Draft = { rules, state, events: [] };
  if (isTerminal(state)) {
    // An end is an end: only the record of an answer that came too late may follow.
    if (fact.type !== 'succeeded' && fact.type !== 'answered_late') return draft;
    const step = stepState(state, fact.step);
    if (step !== undefined && step.status !== 'succeeded') recordLate(draft, fact);
    return draft;
  }
  takeIn(draft, fact);
  return follow(draft);
}

/** The events of a {@link decision}. */
export function decide(rules: Rules, state: State, fact: Fact): readonly TransactionEvent[] {
  return decision(rules, state, fact).events;
}

/** The events that begin a transaction, and the state they lead to. */
export function beginning(rules: Rules, id: string, started: EventData<'saga_started'>): Decision {
  const first: TransactionEvent = { type: 'saga_started', data: started };
  const state = begun(id, first);
  return follow({ rules, state, opened: state, events: [first] });
}

/** The events of a {@link beginning}. */
export function begin(rules: Rules, id: string, started: EventData<'saga_started'>): readonly TransactionEvent[] {
  return beginning(rules, id, started).events;
}
