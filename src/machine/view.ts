import type { Plan, StepKind } from '../flows/plan.ts';
import type { Json } from '../flows/json.ts';
import { undoOrder } from './progress.ts';
import { stepState, type ErrorData, type State, type Status, type StepStatus, type TurnReason } from './state.ts';

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
  readonly status: StepStatus | 'pending';
  /** It runs nothing but waits. */
  readonly wait: WaitView | undefined;
  readonly attempts: number;
  readonly input: Json | undefined;
  readonly result: Json | undefined;
  readonly error: ErrorData | undefined;
}

/** A transaction as people and programs look at it. */
export interface TransactionView {
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
  /** In plan order. */
  readonly steps: readonly StepView[];
  /** What is still to be undone, in that order; once it was terminated, what stays behind, in plan order. */
  readonly notCompensated: readonly string[];
}

export function viewOf(plan: Plan, state: State): TransactionView {
  const { id, saga, definitionVersion, status, version, input, output, tags, deadlineAtMs, turn } = state;
  const steps = plan.stages.flat().map((name): StepView => {
    const { service, stage, kind, wait } = plan.steps[name]!;
    const step = stepState(state, name);
    return {
      name,
      service,
      stage,
      kind,
      status: step?.status ?? 'pending',
      wait: wait === undefined ? undefined : { kind: wait.kind, untilMs: step?.wait?.untilMs ?? null },
      attempts: step?.attempts ?? 0,
      input: step?.args,
      result: step?.result,
      error: step?.error,
    };
  });
  return {
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
    steps,
    notCompensated: leftBehind(plan, state),
  };
}

/** The steps whose effects stand although the transaction turned back: what is to be undone and isn't yet. */
export function leftBehind(plan: Plan, state: State): readonly string[] {
  if (state.termination !== undefined) return state.termination.notCompensated;
  if (state.direction === 'forward') return [];
  const underWay = Object.keys(state.steps).filter((name) => {
    const status = stepState(state, name)?.status;
    return status === 'compensating' || status === 'compensation_stuck';
  });
  return [...underWay, ...undoOrder(plan, state)];
}
