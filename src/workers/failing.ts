import { stepOf, type Plan } from '../flows/plan.ts';
import { isPastPivot } from '../machine/pivot.ts';
import { DUE, isTerminal, operationIn, stepState, type Operation, type State } from '../machine/state.ts';
import { operationWord } from '../machine/words.ts';
import type { Finding } from '../telemetry/alerts/alert.ts';
import type { ResolvedRules } from '../telemetry/alerts/rules.ts';

export function about({ id, saga, kind }: State): string {
  return `${kind ?? 'saga'} "${saga}" ${id}`;
}

/** An action that is tried until it works, or of which nobody knows whether it did: no failure of it turns the saga back. */
function mustSucceed(plan: Plan, state: State, name: string): boolean {
  const { kind } = stepOf(plan, name);
  return kind === 'retriable' || isPastPivot(plan, state) || (kind === 'pivot' && stepState(state, name)?.doubtful === true);
}

/** What has failed too often, or for too long, and is still to be done: an undo or a confirm, or an action that nothing can be put in place of. */
export function failing(rules: ResolvedRules, plan: Plan, state: State, name: string, nowMs: number): Finding | undefined {
  const step = stepState(state, name);
  const op = step && operationIn(step.status, DUE);
  if (step?.failingSinceMs === undefined || op === undefined) return undefined;
  const forMs = nowMs - step.failingSinceMs;
  if (op === 'run') {
    if (!mustSucceed(plan, state, name)) return undefined;
    if (step.attempts < stepOf(plan, name).action.retry.attempts && forMs < rules.overdueAfterMs) return undefined;
  } else if (step.attempts < rules.failingAfterAttempts && forMs < rules.failingAfterMs) return undefined;
  const often = step.attempts === 1 ? 'once' : `${step.attempts} times`;
  return {
    rule: op === 'run' ? 'overdue' : 'compensationFailing',
    subject: `${state.id}/${name}/${op}`,
    saga: state.saga,
    step: name,
    transaction: state.id,
    text: `${about(state)}: ${operationWord(plan, op)} ${name} has failed ${often} in ${Math.round(forMs / 1_000)} s, and is tried on`,
  };
}

/** Whether it is about an operation, and not about a transaction as a whole. */
export function isFailing({ subject, transaction }: Finding): boolean {
  return transaction !== undefined && subject.startsWith(`${transaction}/`);
}

/** Whether an operation that was told as failing still is. One that is stuck is told as that. */
export function stillFails(state: State | undefined, { subject, step: name }: Finding): boolean {
  const step = state === undefined || name === undefined ? undefined : stepState(state, name);
  if (state === undefined || step === undefined || isTerminal(state)) return false;
  const op: Operation | undefined = operationIn(step.status, DUE);
  return op !== undefined && subject.endsWith(`/${op}`) && step.attempts > 0;
}
