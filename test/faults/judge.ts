import { expect } from 'vitest';
import type { AnySaga } from '../../src/flows/saga.ts';
import type { JournaledEvent } from '../../src/journal/journal.ts';
import { begin, decide, type Rules } from '../../src/machine/decide.ts';
import type { TransactionEvent } from '../../src/machine/event.ts';
import { evolveAll } from '../../src/machine/evolve.ts';
import type { Fact } from '../../src/machine/fact.ts';
import { isTerminal, type State } from '../../src/machine/state.ts';
import { STEPS, type Participants } from './participants.ts';

/** The fact that an event, the first of its commit, must have come from. None: it only ever follows from another one. */
function factBehind(event: TransactionEvent): Fact | undefined {
  switch (event.type) {
    case 'attempt_started':
    case 'attempt_lost':
      return { type: event.type, ...event.data } as Fact;
    case 'step_succeeded':
      return { type: 'succeeded', ...event.data };
    case 'late_result':
      return { type: 'succeeded', result: null, ...event.data };
    case 'compensation_succeeded':
      return { type: 'compensated', ...event.data };
    case 'attempt_failed':
      return { type: 'attempt_failed', retryable: true, random: 0, nowMs: 0, ...event.data };
    case 'step_failed': {
      const { attempt, worker, startedAtMs } = event.data;
      if (attempt === undefined || worker === undefined || startedAtMs === undefined) return { type: 'withdrawn', step: event.data.step };
      const facts = { op: 'run' as const, retryable: false, random: 0, nowMs: 0, attempt, worker, startedAtMs };
      return { type: 'attempt_failed', step: event.data.step, error: event.data.error, outcome: event.data.outcome, ...facts };
    }
    default:
      return undefined;
  }
}

/** As much of an event as is decided by rule and not by chance. */
function certain(event: TransactionEvent): TransactionEvent {
  return event.type === 'attempt_failed' ? { ...event, data: { ...event.data, retryInMs: 0 } } : event;
}

/** Replays a journal: each version once, and everything in it is what the rules make of what came before. Gives the state at the end. */
function replay(saga: AnySaga, id: string, journaled: readonly JournaledEvent[]): State {
  expect(journaled.map(({ version }) => version)).toEqual(journaled.map((_, index) => index + 1));
  const rules: Rules = { plan: saga.plan, bindings: saga.bindings };
  const events = journaled.map(({ event }) => event);
  const [first] = events;
  if (first?.type !== 'saga_started') throw new Error(`${id} begins with ${first?.type ?? 'nothing'}`);
  let decided = begin(rules, id, first.data);
  let state: State | undefined;
  for (let at = 0; ;) {
    const journaledNext = events.slice(at, at + decided.length).map(certain);
    expect({ id, from: at + 1, events: journaledNext }).toEqual({ id, from: at + 1, events: decided.map(certain) });
    state = evolveAll(state, id, decided)!;
    at += decided.length;
    const next = events[at];
    if (next === undefined) return state;
    const fact = factBehind(next);
    if (fact === undefined) throw new Error(`${id}: ${next.type} at ${at + 1} follows from nothing`);
    decided = decide(rules, state, fact);
    if (decided.length === 0) throw new Error(`${id}: ${next.type} at ${at + 1} is nothing that the rules decide there`);
  }
}

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
