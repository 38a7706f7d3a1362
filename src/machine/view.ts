import type { Plan, StepKind } from '../flows/plan.ts';
import type { Json } from '../flows/json.ts';
import { standing, undoOrder } from './progress.ts';
import { stepState, type ErrorData, type State, type Status, type StepStatus, type TurnReason } from './state.ts';
import { reservationStatus, type ReservationStatus } from './words.ts';

export interface WaitView {
  readonly kind: 'signal' | 'timer';
  /** When it ends by itself, milliseconds since the epoch; `null`: never, or not reached. */
  readonly untilMs: number | null;
}

export interface StepView {
  readonly name: string;
  readonly service: string | null;
  readonly stage: number;
  readonly kind: StepKind;
  /** `pending`: not reached. */
  readonly status: StepStatus | ReservationStatus | 'pending';
  /** It runs nothing but waits. */
  readonly wait: WaitView | undefined;
  /** Of a reservation that was asked for: when its hold runs out, milliseconds since the epoch. */
  readonly expiresAtMs: number | undefined;
  readonly attempts: number;
  readonly input: Json | undefined;
  /** Of a reservation: the hold. */
  readonly result: Json | undefined;
  readonly error: ErrorData | undefined;
}

/** A transaction as people and programs look at it. */
export interface TransactionView {
  readonly kind: 'saga' | 'tcc';
  readonly id: string;
  readonly saga: string;
  readonly definitionVersion: number;
  readonly status: Status;
  readonly version: number;
  readonly input: Json;
  readonly output: Json | undefined;
  readonly tags: Readonly<Record<string, string>>;
  readonly deadlineAtMs: number | null;
  /** Why it turned back, if it did. */
  readonly turn: TurnReason | undefined;
  /** Of a TCC, once it is stored; it never changes. */
  readonly verdict: 'confirm' | 'cancel' | undefined;
  /** In plan order; of a TCC its reservations. */
  readonly steps: readonly StepView[];
  /** What is still to be undone, in that order; once it was terminated, what stays behind, in plan order. Of a TCC: what its verdict has not reached. */
  readonly notCompensated: readonly string[];
}

export function viewOf(plan: Plan, state: State): TransactionView {
  const { id, saga, definitionVersion, status, version, input, output, tags, deadlineAtMs, turn } = state;
  const isTcc = plan.kind === 'tcc';
  const steps = plan.stages.flat().map((name): StepView => {
    const { service, stage, kind, wait } = plan.steps[name]!;
    const step = stepState(state, name);
    return {
      name,
      service,
      stage,
      kind,
      status: step === undefined ? 'pending' : isTcc ? reservationStatus(step.status) : step.status,
      wait: wait === undefined ? undefined : { kind: wait.kind, untilMs: step?.wait?.untilMs ?? null },
      expiresAtMs: step?.hold?.expiresAtMs,
      attempts: step?.attempts ?? 0,
      input: step?.args,
      result: step?.result,
      error: step?.error,
    };
  });
  return {
    kind: plan.kind,
    id,
    saga,
    definitionVersion,
    status,
    version,
    input,
    output,
    tags,
    deadlineAtMs,
    turn,
    verdict: verdictOf(state),
    steps,
    notCompensated: leftBehind(plan, state),
  };
}

/** Of a TCC: what was decided, if anything is. */
export function verdictOf({ kind, verdict, direction }: State): 'confirm' | 'cancel' | undefined {
  if (kind !== 'tcc') return undefined;
  return verdict ?? (direction === 'backward' ? 'cancel' : undefined);
}

/** The steps whose effects stand although the transaction turned back: what is to be undone and isn't yet. */
export function leftBehind(plan: Plan, state: State): readonly string[] {
  if (state.termination !== undefined) return state.termination.notCompensated;
  if (state.kind === 'tcc') return verdictOf(state) === undefined ? [] : standing(plan, state);
  if (state.direction === 'forward') return [];
  const underWay = Object.keys(state.steps).filter((name) => {
    const status = stepState(state, name)?.status;
    return status === 'compensating' || status === 'compensation_stuck';
  });
  return [...underWay, ...undoOrder(plan, state)];
}
