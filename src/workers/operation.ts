import type { Plan } from '../flows/plan.ts';
import { stepOf } from '../flows/plan.ts';
import type { AnyStep, StepCode } from '../flows/step.ts';
import type { Rules } from '../machine/decide.ts';
import type { JobOperation, Operation, State, StepState } from '../machine/state.ts';

/** One operation on one transaction, ready to be carried out by this worker. */
export interface DueOperation<Op extends JobOperation = Operation> {
  readonly rules: Rules;
  readonly state: State;
  readonly step: StepState;
  readonly name: string;
  readonly op: Op;
  readonly contract: AnyStep;
  readonly handler: StepCode;
  /** Of a renewal: when the hold is to run out then. */
  readonly renewUntilMs?: number;
}

/** The key under which a participant knows an operation: the same on every delivery. */
export function idempotencyKey(id: string, step: string, op: string): string {
  return `${id}:${step}:${op}`;
}

/** How long one attempt may take: what the policy says, or what is left until the deadline for a step that would be undone then anyway. */
export function timeoutOf(plan: Plan, state: State, name: string, op: JobOperation, nowMs: number): number {
  const step = stepOf(plan, name);
  if (op === 'compensate') return step.compensation.timeoutMs;
  if (op === 'confirm' || op === 'renew') return (step.hold?.confirm ?? step.compensation).timeoutMs;
  const clipped = step.kind === 'compensatable' || step.kind === 'readOnly' || step.kind === 'reservation';
  if (state.deadlineAtMs === null || !clipped || state.direction === 'backward') return step.action.timeoutMs;
  return Math.max(1, Math.min(step.action.timeoutMs, state.deadlineAtMs - nowMs));
}
