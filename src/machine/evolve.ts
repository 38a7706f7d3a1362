import type { TransactionEvent } from './event.ts';
import { begun, fresh, open, type OpenState } from './shape.ts';
import { DUE, type State, type StepState } from './state.ts';

function change(state: OpenState, name: string, patch: Partial<StepState>): void {
  state.steps[name] = { ...stepOf(state, name), ...patch };
}

function settle(state: OpenState, name: string, patch: Partial<StepState>): void {
  change(state, name, { backingOff: false, ...patch });
  state.settled.push(name);
}

function stepOf(state: State, name: string): StepState {
  return state.steps[name] ?? fresh(null);
}

/**
 * The status of a TCC. Its confirms and cancels go on side by side: it is stuck when nothing else is under way, so that whoever looks sees
 * how all of it came out.
 */
function statusOfTcc({ steps, paused, direction, verdict, held }: State): State['status'] {
  const statuses = Object.values(steps).map(({ status }) => status);
  const inFlight = statuses.some((status) => status === 'issued' || status === 'confirming' || status === 'compensating');
  if (!inFlight && statuses.some((status) => status === 'confirm_stuck' || status === 'compensation_stuck')) return 'stuck';
  if (paused !== undefined) return 'paused';
  if (direction === 'backward') return 'cancelling';
  if (verdict !== undefined) return 'confirming';
  if (!inFlight) return held === true ? 'waiting' : 'running';
  return Object.values(steps).some(({ status, backingOff }) => status === 'issued' && !backingOff) ? 'running' : 'waiting';
}

/** The status that follows from the rest: where it isn't terminal, it depends on what the steps in flight are doing. */
function statusOf(state: State): State['status'] {
  if (state.kind === 'tcc') return statusOfTcc(state);
  const { steps, paused, direction } = state;
  let inFlight = 0;
  let waiting = 0;
  for (const name in steps) {
    const { status, backingOff, wait } = steps[name]!;
    if (status === 'stuck' || status === 'compensation_stuck') return 'stuck';
    if (status !== 'issued') continue;
    inFlight++;
    if (backingOff || wait !== undefined) waiting++;
  }
  if (paused !== undefined) return 'paused';
  if (direction === 'backward') return 'compensating';
  return inFlight > 0 && inFlight === waiting ? 'waiting' : 'running';
}

function apply(state: OpenState, event: TransactionEvent): void {
  switch (event.type) {
    case 'saga_started':
      throw new Error(`transaction ${state.id} started twice`);
    case 'step_issued': {
      const { step, args, wait, hold } = event.data;
      state.steps[step] = { ...fresh(args), wait, hold };
      return;
    }
    case 'signal_received':
      state.signals = { ...state.signals, [event.data.signal]: event.data.data };
      return;
    case 'wait_ended': {
      const { step, by, result } = event.data;
      if (by === 'timeout') return change(state, step, { status: 'skipped' });
      return settle(state, step, { status: 'succeeded', result });
    }
    case 'step_skipped':
      return change(state, event.data.step, { status: 'skipped' });
    case 'attempt_started':
      return change(state, event.data.step, { backingOff: false });
    case 'attempt_lost': {
      const { lost, attemptsEver } = stepOf(state, event.data.step);
      return change(state, event.data.step, {
        lost: event.data.jobLost === true ? lost : lost + 1,
        attemptsEver: attemptsEver + 1,
        backingOff: false,
        ...(event.data.op === 'run' ? { doubtful: true } : {}),
      });
    }
    case 'attempt_failed': {
      const { attempts, attemptsEver, doubtful, failingSinceMs = event.data.startedAtMs } = stepOf(state, event.data.step);
      return change(state, event.data.step, {
        attempts: attempts + 1,
        failingSinceMs,
        attemptsEver: attemptsEver + 1,
        backingOff: true,
        error: event.data.error,
        ...(event.data.op === 'run' ? { doubtful: doubtful || event.data.outcome === 'unknown' } : {}),
      });
    }
    case 'step_succeeded': {
      const { step, result } = event.data;
      settle(state, step, { status: 'succeeded', result, attemptsEver: stepOf(state, step).attemptsEver + 1, error: undefined });
      // What was asked for while the pivot was in flight came too late: it would only have been carried out had the pivot failed.
      state.pendingTurn = undefined;
      return;
    }
    case 'step_failed': {
      const { step, error, outcome } = event.data;
      settle(state, step, { status: 'failed', error, outcome, attemptsEver: stepOf(state, step).attemptsEver + 1 });
      const first = state.turn === undefined || (state.turn.kind === 'step_failed' && state.turn.step === step);
      if (!first) state.otherFailures = [...state.otherFailures, { step, error }];
      return;
    }
    case 'step_withdrawn':
      return change(state, event.data.step, { status: 'withdrawn', backingOff: false });
    case 'step_stuck':
      return change(state, event.data.step, {
        status: 'stuck',
        error: event.data.error,
        backingOff: false,
        ...(event.data.unbound === true
          ? { unbound: true }
          : { doubtful: true, attemptsEver: stepOf(state, event.data.step).attemptsEver + 1 }),
      });
    case 'step_overdue':
    case 'late_result':
      return;
    case 'turn_requested':
      state.pendingTurn = event.data.turn;
      return;
    case 'saga_turned':
      Object.assign(state, { direction: 'backward', turn: event.data.turn, pendingTurn: undefined });
      return;
    case 'hold_renewed':
      return change(state, event.data.step, { hold: { expiresAtMs: event.data.expiresAtMs } });
    case 'tcc_held':
      state.held = true;
      return;
    case 'verdict_reached':
      state.verdict = event.data.verdict;
      return;
    case 'confirm_issued':
    case 'compensation_issued':
      return change(state, event.data.step, {
        status: event.type === 'confirm_issued' ? 'confirming' : 'compensating',
        attempts: 0,
        failingSinceMs: undefined,
        attemptsEver: 0,
        lost: 0,
        backingOff: false,
        error: undefined,
      });
    case 'compensation_succeeded':
      return change(state, event.data.step, { status: 'compensated', backingOff: false, error: undefined });
    case 'confirm_succeeded':
      return change(state, event.data.step, { status: 'confirmed', backingOff: false, error: undefined });
    case 'confirm_stuck':
    case 'compensation_stuck':
      return change(state, event.data.step, {
        status: event.type,
        error: event.data.error,
        attemptsEver: stepOf(state, event.data.step).attemptsEver + 1,
        backingOff: false,
      });
    case 'retry_requested':
      if (state.steps[event.data.step]?.unbound === true) {
        // As if it had never been reached: whoever has the definition binds and issues it anew.
        delete state.steps[event.data.step];
        return;
      }
      return change(state, event.data.step, { status: DUE[event.data.op], attempts: 0, failingSinceMs: undefined, lost: 0 });
    case 'saga_completed':
      Object.assign(state, { status: 'completed', output: event.data.output, outputError: event.data.outputError });
      return;
    case 'saga_compensated':
      state.status = 'compensated';
      return;
    case 'tcc_confirmed':
      Object.assign(state, { status: 'confirmed', output: event.data.output, outputError: event.data.outputError });
      return;
    case 'tcc_cancelled':
      state.status = 'cancelled';
      return;
    case 'saga_paused':
      state.paused = event.data;
      return;
    case 'saga_resumed':
      state.paused = undefined;
      return;
    case 'confirm_skipped':
    case 'compensation_skipped': {
      const { step, by, reason } = event.data;
      change(state, step, { status: event.type, backingOff: false });
      state.skipped = { by, reason };
      return;
    }
    case 'saga_terminated':
      Object.assign(state, { status: 'terminated', termination: event.data });
      return;
  }
}

/** Events that end a transaction, and the one that may follow an end, set or keep the status themselves. */
const KEEPS_STATUS: ReadonlySet<TransactionEvent['type']> = new Set([
  'saga_completed',
  'saga_compensated',
  'tcc_confirmed',
  'tcc_cancelled',
  'saga_terminated',
  'late_result',
]);

/** What comes next links to it. */
function noteSpan(state: OpenState, step: string, span: string): void {
  change(state, step, { span });
  state.lastSpan = span;
}

/** Folds one event into a state that was opened for it. */
export function fold(state: OpenState, event: TransactionEvent): void {
  apply(state, event);
  if ('span' in event.data && event.data.span !== undefined) noteSpan(state, event.data.step, event.data.span);
  state.version++;
  if (!KEEPS_STATUS.has(event.type)) state.status = statusOf(state);
}

/** The state after one event. `state` is `undefined` only before `saga_started`. */
export function evolve(state: State | undefined, id: string, event: TransactionEvent): State {
  return evolveAll(state, id, [event])!;
}

/** The state after a list of events. */
export function evolveAll(state: State | undefined, id: string, events: readonly TransactionEvent[]): State | undefined {
  const [first] = events;
  if (first === undefined) return state;
  const next = state === undefined ? begun(id, first) : open(state);
  for (const event of state === undefined ? events.slice(1) : events) fold(next, event);
  return next;
}
