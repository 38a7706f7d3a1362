import { expect } from 'vitest';
import type { AnyDefinition } from '../../../src/flows/definition.ts';
import type { JournaledEvent } from '../../../src/journal/journal.ts';
import type { State, Status } from '../../../src/machine/state.ts';
import { replay } from '../replay.ts';
import type { Effect } from './ledger.ts';

/** What a caller sees of how a saga ended. */
export function endOf({ status, output, turn }: State): { readonly status: Status; readonly output: unknown; readonly cause: unknown } {
  const cause = turn?.kind === 'step_failed' ? `${turn.step}: ${turn.error.message}` : turn?.kind;
  return { status, output, cause };
}

/** The stage of each effect, undos counted from behind: effects come in this order, whatever the branches of one stage do. */
function stagesOf(saga: AnyDefinition, effects: readonly Effect[]): readonly number[] {
  const { stages } = saga.plan;
  return effects.map(({ step, op }) => {
    const stage = stages.findIndex((names) => names.includes(step));
    return op === 'run' ? stage : 2 * stages.length - stage;
  });
}

/** At most one effect and one undo of each step, the undo after the effect, all there or nothing left, in the plan's order. */
function judgeEffects(saga: AnyDefinition, { status }: State, effects: readonly Effect[]): void {
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

/** Each reservation confirmed once, or each that was held given back once; neverBothConfirmedAndCancelled. */
function judgeReservations(tcc: AnyDefinition, { status }: State, effects: readonly Effect[]): void {
  const of = (op: Effect['op']): readonly string[] =>
    effects
      .filter((effect) => effect.op === op)
      .map(({ step }) => step)
      .sort();
  const all = Object.keys(tcc.plan.steps).sort();
  if (status === 'confirmed')
    expect({ try: of('try'), confirm: of('confirm'), cancel: of('cancel') }).toEqual({ try: all, confirm: all, cancel: [] });
  else {
    expect(status).toBe('cancelled');
    expect(of('confirm')).toEqual([]);
    expect(of('try')).toEqual([...new Set(of('try'))]);
    expect(of('cancel')).toEqual(of('try'));
  }
  const first = (step: string, op: Effect['op']): number => effects.findIndex((effect) => effect.step === step && effect.op === op);
  for (const step of of('cancel')) expect(first(step, 'cancel')).toBeGreaterThan(first(step, 'try'));
  for (const step of of('confirm')) {
    // Everything is held before the first confirm.
    for (const other of all) expect(first(step, 'confirm')).toBeGreaterThan(first(other, 'try'));
  }
}

/** Replays the journal by the rules and looks at the effects. Gives the state at the end. */
export function judgeOne(saga: AnyDefinition, id: string, journaled: readonly JournaledEvent[], effects: readonly Effect[]): State {
  const state = replay(saga, id, journaled);
  if (saga.kind === 'tcc') judgeReservations(saga, state, effects);
  else judgeEffects(saga, state, effects);
  return state;
}
