import type { TransactionEvent } from './event.ts';
import type { State, StepState } from './state.ts';

const FRESH: Omit<StepState, 'args'> = { status: 'issued', attempts: 0, attemptsEver: 0, lost: 0, doubtful: false, backingOff: false };

/** What an event changes. One copy of the state is then made of it, whatever the event. */
type Patch = Partial<State>;

function change(state: State, name: string, patch: (step: StepState) => Partial<StepState>): Patch {
  const before = state.steps[name] ?? { ...FRESH, args: null };
  return { steps: { ...state.steps, [name]: { ...before, ...patch(before) } } };
}

function settle(state: State, name: string, patch: (step: StepState) => Partial<StepState>): Patch {
  const changed = change(state, name, (step) => ({ backingOff: false, ...patch(step) }));
  return { ...changed, settled: [...state.settled, name] };
}

/** The status that follows from the rest: where it isn't terminal, it depends on what the steps in flight are doing. */
function statusOf({ steps, paused, direction }: State): State['status'] {
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

function patchOf(state: State, event: TransactionEvent): Patch {
  switch (event.type) {
    case 'saga_started':
      throw new Error(`transaction ${state.id} started twice`);
    case 'step_issued':
      return change(state, event.data.step, () => ({
        ...FRESH,
        args: event.data.args,
        ...(event.data.wait === undefined ? {} : { wait: event.data.wait }),
      }));
    case 'signal_received':
      return { signals: { ...state.signals, [event.data.signal]: event.data.data } };
    case 'wait_ended': {
      const { step, by, result } = event.data;
      if (by === 'timeout') return change(state, step, () => ({ status: 'skipped' }));
      return settle(state, step, () => ({ status: 'succeeded', result }));
    }
    case 'step_skipped':
      return change(state, event.data.step, () => ({ status: 'skipped' }));
    case 'attempt_started':
      return change(state, event.data.step, () => ({ backingOff: false }));
    case 'attempt_lost':
      return change(state, event.data.step, (step) => ({
        lost: event.data.jobLost === true ? step.lost : step.lost + 1,
        attemptsEver: step.attemptsEver + 1,
        backingOff: false,
        ...(event.data.op === 'run' ? { doubtful: true } : {}),
      }));
    case 'attempt_failed':
      return change(state, event.data.step, (step) => ({
        attempts: step.attempts + 1,
        attemptsEver: step.attemptsEver + 1,
        backingOff: true,
        error: event.data.error,
        ...(event.data.op === 'run' ? { doubtful: step.doubtful || event.data.outcome === 'unknown' } : {}),
      }));
    case 'step_succeeded':
      // What was asked for while the pivot was in flight came too late: it would only have been carried out had the pivot failed.
      return {
        ...settle(state, event.data.step, (step) => ({
          status: 'succeeded',
          result: event.data.result,
          attemptsEver: step.attemptsEver + 1,
          error: undefined,
        })),
        pendingTurn: undefined,
      };
    case 'step_failed': {
      const { step, error, outcome } = event.data;
      const failed = settle(state, step, (before) => ({ status: 'failed', error, outcome, attemptsEver: before.attemptsEver + 1 }));
      const first = state.turn === undefined || (state.turn.kind === 'step_failed' && state.turn.step === step);
      return first ? failed : { ...failed, otherFailures: [...state.otherFailures, { step, error }] };
    }
    case 'step_withdrawn':
      return change(state, event.data.step, () => ({ status: 'withdrawn', backingOff: false }));
    case 'step_stuck':
      return change(state, event.data.step, (step) => ({
        status: 'stuck',
        error: event.data.error,
        backingOff: false,
        ...(event.data.unbound === true ? { unbound: true } : { doubtful: true, attemptsEver: step.attemptsEver + 1 }),
      }));
    case 'step_overdue':
      return {};
    case 'turn_requested':
      return { pendingTurn: event.data.turn };
    case 'saga_turned':
      return { direction: 'backward', turn: event.data.turn, pendingTurn: undefined };
    case 'compensation_issued':
      return change(state, event.data.step, () => ({
        status: 'compensating',
        attempts: 0,
        attemptsEver: 0,
        lost: 0,
        backingOff: false,
        error: undefined,
      }));
    case 'compensation_succeeded':
      return change(state, event.data.step, () => ({ status: 'compensated', backingOff: false, error: undefined }));
    case 'compensation_stuck':
      return change(state, event.data.step, (step) => ({
        status: 'compensation_stuck',
        error: event.data.error,
        attemptsEver: step.attemptsEver + 1,
        backingOff: false,
      }));
    case 'retry_requested':
      if (state.steps[event.data.step]?.unbound === true) {
        // As if it had never been reached: whoever has the definition binds and issues it anew.
        return { steps: Object.fromEntries(Object.entries(state.steps).filter(([name]) => name !== event.data.step)) };
      }
      return change(state, event.data.step, () => ({ status: event.data.op === 'run' ? 'issued' : 'compensating', attempts: 0, lost: 0 }));
    case 'late_result':
      return {};
    case 'saga_completed':
      return { status: 'completed', output: event.data.output, outputError: event.data.outputError };
    case 'saga_compensated':
      return { status: 'compensated' };
    case 'saga_paused':
      return { paused: event.data };
    case 'saga_resumed':
      return { paused: undefined };
    case 'compensation_skipped': {
      const { step, by, reason } = event.data;
      return { ...change(state, step, () => ({ status: 'compensation_skipped', backingOff: false })), skipped: { by, reason } };
    }
    case 'saga_terminated':
      return { status: 'terminated', termination: event.data };
  }
}

/** Events that end a transaction, and the one that may follow an end, set or keep the status themselves. */
const KEEPS_STATUS: ReadonlySet<TransactionEvent['type']> = new Set([
  'saga_completed',
  'saga_compensated',
  'saga_terminated',
  'late_result',
]);

/** Folds one event into the state. `state` is `undefined` only before `saga_started`. */
export function evolve(state: State | undefined, id: string, event: TransactionEvent): State {
  if (state === undefined) {
    if (event.type !== 'saga_started') throw new Error(`transaction ${id} has ${event.type} before its start: its journal is damaged`);
    return {
      id,
      ...event.data,
      version: 1,
      status: 'running',
      direction: 'forward',
      steps: {},
      signals: {},
      settled: [],
      otherFailures: [],
    };
  }
  const next: { -readonly [K in keyof State]: State[K] } = { ...state, ...patchOf(state, event) };
  next.version = state.version + 1;
  if (!KEEPS_STATUS.has(event.type)) next.status = statusOf(next);
  return next;
}

/** Folds a list of events. */
export function evolveAll(state: State | undefined, id: string, events: readonly TransactionEvent[]): State | undefined {
  return events.reduce<State | undefined>((folded, event) => evolve(folded, id, event), state);
}
