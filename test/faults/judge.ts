import { expect } from 'vitest';
import type { AnySaga } from '../../src/flows/saga.ts';
import type { JournaledEvent } from '../../src/journal/journal.ts';
import { isTerminal, type State } from '../../src/machine/state.ts';
import { STEPS, type Participants } from './participants.ts';
import { replay } from './replay.ts';

/** I1 to I5 of one saga that has ended: its history is legal, and its effects are all there, or undone in reverse. */
export function judge(saga: AnySaga, participants: Participants, id: string, journaled: readonly JournaledEvent[]): State {
  const state = replay(saga, id, journaled);
  expect({ id, ended: isTerminal(state) }).toEqual({ id, ended: true });
  const effects = participants.effectsFor(id);
  const done = effects.filter((effect) => !effect.startsWith('-'));
  expect({ id, done }).toEqual({ id, done: STEPS.slice(0, state.status === 'completed' ? STEPS.length : done.length) });
  const undone = state.status === 'completed' ? [] : done.map((name) => `-${name}`).reverse();
  expect({ id, effects }).toEqual({ id, effects: [...done, ...undone] });
  return state;
}
