import type { TransactionEvent } from './event.ts';
import type { State, StepState } from './state.ts';

/** With every property, be it `undefined`: so that none is forgotten below. */
type Whole<T> = { -readonly [K in keyof Required<T>]: T[K] };

/** A state that events are folded into. Its steps are its own, each of them is replaced as a whole. */
export type OpenState = Omit<Whole<State>, 'steps' | 'settled'> & { steps: Record<string, StepState>; settled: string[] };

// States are written out, and have all their properties from the start: an object that was spread, or is given a property it did not have, takes
// ten to twenty times as long, and a saga makes a dozen of them.

/** The state of a step that was just issued. */
export function fresh(args: StepState['args']): Whole<StepState> {
  return {
    status: 'issued',
    args,
    result: undefined,
    attempts: 0,
    failingSinceMs: undefined,
    attemptsEver: 0,
    lost: 0,
    doubtful: false,
    backingOff: false,
    wait: undefined,
    hold: undefined,
    unbound: undefined,
    outcome: undefined,
    error: undefined,
    span: undefined,
  };
}

/** A copy of a state that events may be folded into: one copy, however many events follow. */
export function open(state: State): OpenState {
  const steps: Record<string, StepState> = {};
  for (const name in state.steps) steps[name] = state.steps[name]!;
  return {
    kind: state.kind,
    awaitsVerdict: state.awaitsVerdict,
    id: state.id,
    saga: state.saga,
    definitionVersion: state.definitionVersion,
    fingerprint: state.fingerprint,
    input: state.input,
    inputHash: state.inputHash,
    tags: state.tags,
    deadlineAtMs: state.deadlineAtMs,
    startedAtMs: state.startedAtMs,
    traceparent: state.traceparent,
    lastSpan: state.lastSpan,
    version: state.version,
    status: state.status,
    direction: state.direction,
    steps,
    signals: state.signals,
    settled: [...state.settled],
    turn: state.turn,
    held: state.held,
    verdict: state.verdict,
    pendingTurn: state.pendingTurn,
    output: state.output,
    outputError: state.outputError,
    paused: state.paused,
    termination: state.termination,
    skipped: state.skipped,
    otherFailures: state.otherFailures,
  };
}

/** The state a transaction begins in; `event` is its first one. */
export function begun(id: string, event: TransactionEvent): OpenState {
  if (event.type !== 'saga_started') throw new Error(`transaction ${id} has ${event.type} before its start: its journal is damaged`);
  const { data } = event;
  return {
    kind: data.kind,
    awaitsVerdict: data.awaitsVerdict,
    id,
    saga: data.saga,
    definitionVersion: data.definitionVersion,
    fingerprint: data.fingerprint,
    input: data.input,
    inputHash: data.inputHash,
    tags: data.tags,
    deadlineAtMs: data.deadlineAtMs,
    startedAtMs: data.startedAtMs,
    traceparent: data.traceparent,
    lastSpan: undefined,
    version: 1,
    status: 'running',
    direction: 'forward',
    steps: {},
    signals: {},
    settled: [],
    turn: undefined,
    held: undefined,
    verdict: undefined,
    pendingTurn: undefined,
    output: undefined,
    outputError: undefined,
    paused: undefined,
    termination: undefined,
    skipped: undefined,
    otherFailures: [],
  };
}
