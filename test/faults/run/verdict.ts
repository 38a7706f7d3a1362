import type { JournaledEvent } from '../../../src/journal/journal.ts';
import { isTerminal, type State } from '../../../src/machine/state.ts';
import { replay } from '../replay.ts';
import type { Effect } from './books.ts';
import { orderSaga } from './orders.ts';

/** What is wrong with one transaction. */
export interface Findings {
  /** I1, I2: effects that should be there and are not, or should be undone and are not. */
  readonly lost: readonly string[];
  /** I3: effects that happened more than once. */
  readonly doubleEffects: readonly string[];
  /** I2, I4: undone in another order than the reverse, begun out of order, or done after their undo. */
  readonly wrongOrder: readonly string[];
  /** I5, I7: the journal is not what the rules make. */
  readonly illegal: readonly string[];
}

const NOTHING: Findings = { lost: [], doubleEffects: [], wrongOrder: [], illegal: [] };

function seqOf(effects: readonly Effect[], step: string, op: Effect['op']): number | undefined {
  return effects.find((effect) => effect.step === step && effect.op === op)?.seq;
}

function doubled(id: string, effects: readonly Effect[]): readonly string[] {
  const seen = new Map<string, number>();
  for (const { step, op } of effects) seen.set(`${op} ${step}`, (seen.get(`${op} ${step}`) ?? 0) + 1);
  return [...seen].filter(([, times]) => times > 1).map(([what, times]) => `${id}: ${what} happened ${times} times`);
}

/** Each stage after the one before it, each undo after what it undoes, and undos in reverse of how their steps settled. */
function outOfOrder(state: State, effects: readonly Effect[]): readonly string[] {
  const { id, settled } = state;
  const problems: string[] = [];
  const { stages } = orderSaga.plan;
  for (const [at, stage] of stages.entries()) {
    for (const step of stage) {
      const done = seqOf(effects, step, 'run');
      const undone = seqOf(effects, step, 'compensate');
      if (done !== undefined && undone !== undefined && undone < done) problems.push(`${id}: ${step} happened after its undo`);
      for (const earlier of stages.slice(0, at).flat()) {
        const before = seqOf(effects, earlier, 'run');
        if (done !== undefined && before !== undefined && before > done) problems.push(`${id}: ${step} happened before ${earlier}`);
        const undoneBefore = seqOf(effects, earlier, 'compensate');
        if (done !== undefined && undoneBefore !== undefined && undoneBefore < done) {
          problems.push(`${id}: ${step} happened after the undo of ${earlier}`);
        }
      }
    }
  }
  const undos = effects.filter(({ op }) => op === 'compensate').map(({ step }) => step);
  const expected = settled.filter((step) => undos.includes(step)).reverse();
  if (undos.join() !== expected.join()) problems.push(`${id}: undone as ${undos.join(', ')}, not as ${expected.join(', ')}`);
  return problems;
}

/** Effects that the end of a transaction promises, and that are not so. */
function missing(state: State, effects: readonly Effect[]): readonly string[] {
  const { id, status } = state;
  return Object.entries(orderSaga.plan.steps).flatMap(([step, { kind }]) => {
    const done = seqOf(effects, step, 'run') !== undefined;
    const undone = seqOf(effects, step, 'compensate') !== undefined;
    const recorded = state.steps[step]?.status;
    if (recorded === 'succeeded' && !done) return [`${id}: ${step} succeeded by the journal, and there is no effect of it`];
    if (status === 'completed' && undone) return [`${id}: completed, and ${step} is undone`];
    if (status === 'compensated' && done !== undone) {
      return [`${id}: compensated, and ${step} ${done ? 'is not undone' : 'is undone without having been done'}`];
    }
    if (status === 'compensated' && kind !== 'compensatable' && done) return [`${id}: compensated, and ${step} can't be undone`];
    return [];
  });
}

/** Judges one transaction by its journal and its effects. */
export function judgeTransaction(id: string, journaled: readonly JournaledEvent[], effects: readonly Effect[]): Findings {
  const doubleEffects = doubled(id, effects);
  let state: State;
  try {
    state = replay(orderSaga, id, journaled);
  } catch (error) {
    return { ...NOTHING, doubleEffects, illegal: [(error as Error).message] };
  }
  const late = state.turn?.kind === 'deadline' ? [`${id}: turned back by a deadline that is an hour away`] : [];
  return {
    lost: isTerminal(state) ? missing(state, effects) : [],
    doubleEffects,
    wrongOrder: outOfOrder(state, effects),
    illegal: late,
  };
}
