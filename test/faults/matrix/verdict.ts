import { expect } from 'vitest';
import type { AnySaga } from '../../../src/flows/saga.ts';
import type { JournaledEvent } from '../../../src/journal/journal.ts';
import type { State } from '../../../src/machine/state.ts';
import { replay } from '../replay.ts';
import type { Effect } from './ledger.ts';

/** What a caller sees of how a saga ended. */
export function endOf({ status, output, turn }: State): object {
  const cause = turn?.kind === 'step_failed' ? `${turn.step}: ${turn.error.message}` : turn?.kind;
  return { status, output, cause };
}

/** The stage of each effect, undos counted from behind: effects come in this order, whatever the branches of one stage do. */
function stagesOf(saga: AnySaga, effects: readonly Effect[]): readonly number[] {
  const { stages } = saga.plan;
  return effects.map(({ step, op }) => {
    const stage = stages.findIndex((names) => names.includes(step));
    return op === 'run' ? stage : 2 * stages.length - stage;
  });
}

/** At most one effect and one undo of each step, the undo after the effect, all there or nothing left, in the plan's order. */
function judgeEffects(saga: AnySaga, { status }: State, effects: readonly Effect[]): void {
  const named = effects.map(({ step, op }) => `${op} ${step}`);
  expect(named).toEqual([...new Set(named)]);
  const stages = stagesOf(saga, effects);
  expect(stages).toEqual([...stages].sort((a, b) => a - b));
  const done = effects.filter(({ op }) => op === 'run').map(({ step }) => step);
  const undone = effects.filter(({ op }) => op === 'compensate').map(({ step }) => step);
  if (status === 'completed') expect({ done: [...done].sort(), undone }).toEqual({ done: Object.keys(saga.plan.steps).sort(), undone: [] });
  else expect([...undone].sort()).toEqual([...done].sort());
  expect(effects.reduce((sum, { delta }) => sum + delta, 0)).toBe(status === 'completed' ? done.length : 0);
}

/** Replays the journal by the rules and looks at the effects. Gives the state at the end. */
export function judgeOne(saga: AnySaga, id: string, journaled: readonly JournaledEvent[], effects: readonly Effect[]): State {
  const state = replay(saga, id, journaled);
  judgeEffects(saga, state, effects);
  return state;
}
