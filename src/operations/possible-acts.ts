import type { Plan } from '../flows/plan.ts';
import { isPastPivot } from '../machine/pivot.ts';
import { isHeld, isTerminal, operationIn, stepState, STUCK, type State } from '../machine/state.ts';

/** What a person can do to a transaction. */
const ACTS = ['retry', 'skip', 'mark_undone', 'cancel', 'terminate', 'pause', 'resume', 'signal', 'confirm'] as const;
export type Act = (typeof ACTS)[number];

/** Those that need no data of their own, so that they can be done to many. */
export const BULK_ACTS = ['retry', 'skip', 'mark_undone', 'cancel', 'terminate', 'pause', 'resume'] as const;
export type BulkAct = (typeof BULK_ACTS)[number];

export interface PossibleAct {
  readonly action: Act;
  /** Of `skip` and `mark_undone`: to which steps it can be done; of `retry`: what is tried again, unless one of them is named. */
  readonly steps: readonly string[];
  /** Of `signal`: which are waited for, or will be. */
  readonly signals: readonly string[];
}

/** What can be done now, by the rules of the machine. */
export function possibleActs(plan: Plan, state: State): readonly PossibleAct[] {
  if (isTerminal(state)) return [];
  const stuckIn = (step: string) => operationIn(stepState(state, step)?.status ?? 'succeeded', STUCK);
  const names = plan.stages.flat();
  const stuck = names.filter((step) => stuckIn(step) !== undefined);
  const obligations = stuck.filter((step) => stuckIn(step) !== 'run');
  const undos = stuck.filter((step) => stuckIn(step) === 'compensate');
  const signals = names.filter((name) => {
    const missing = plan.steps[name]?.wait?.kind === 'signal' && !Object.hasOwn(state.signals, name);
    return missing && state.direction === 'forward' && stepState(state, name)?.status !== 'skipped';
  });
  const act = (action: Act, possible: boolean, steps: readonly string[] = [], of: readonly string[] = []): PossibleAct[] =>
    possible ? [{ action, steps, signals: of }] : [];
  return [
    ...act('retry', stuck.length > 0, stuck),
    ...act('skip', obligations.length > 0, obligations),
    ...act('mark_undone', undos.length > 0, undos),
    ...act('cancel', state.direction === 'forward' && !isPastPivot(plan, state)),
    ...act('terminate', true),
    ...act('pause', state.paused === undefined),
    ...act('resume', state.paused !== undefined),
    ...act('signal', signals.length > 0, [], signals),
    ...act('confirm', isHeld(state) && state.paused === undefined),
  ];
}
