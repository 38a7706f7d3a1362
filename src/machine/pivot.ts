import type { Plan, PlanStep } from '../flows/plan.ts';
import { stepState, type State } from './state.ts';

function pivotOf(plan: Plan): PlanStep | undefined {
  return Object.values(plan.steps).find(({ kind }) => kind === 'pivot');
}

export function pivotInFlight(plan: Plan, state: State): boolean {
  const pivot = pivotOf(plan);
  const status = pivot && stepState(state, pivot.name)?.status;
  return status === 'issued' || status === 'stuck';
}

/**
 * Past the point of no return: the pivot succeeded, or, in a saga without one, a retriable step was issued. Of a TCC: its verdict is to
 * confirm.
 */
export function isPastPivot(plan: Plan, state: State): boolean {
  if (plan.kind === 'tcc') return state.verdict !== undefined;
  return Object.values(plan.steps).some(({ name, kind }) => {
    const status = stepState(state, name)?.status;
    return (kind === 'pivot' && status === 'succeeded') || (kind === 'retriable' && status !== undefined && status !== 'skipped');
  });
}
