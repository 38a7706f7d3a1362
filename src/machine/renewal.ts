import { stepOf, type Plan } from '../flows/plan.ts';
import { isTerminal, stepState, type State } from './state.ts';

/** It is held, there is no verdict, and its participant can prolong it. */
export function mayRenew(plan: Plan, state: State, step: string): boolean {
  if (isTerminal(state) || state.verdict !== undefined || state.direction === 'backward') return false;
  return stepOf(plan, step).hold?.renewable === true && stepState(state, step)?.status === 'succeeded';
}

/** The reservations that are to be renewed when their time has come. */
export function renewables(plan: Plan, state: State): readonly string[] {
  if (plan.kind !== 'tcc') return [];
  return plan.stages.flat().filter((step) => mayRenew(plan, state, step));
}

/** Half of the time in which a verdict may still confirm is over: early enough to try again, should the participant be away. */
export function renewAtMs({ steps, marginMs = 0 }: Plan, state: State, step: string): number {
  const expiresAtMs = stepState(state, step)?.hold?.expiresAtMs ?? 0;
  return expiresAtMs - ((steps[step]?.hold?.forMs ?? 0) + marginMs) / 2;
}
