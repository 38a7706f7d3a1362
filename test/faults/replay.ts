import { isDeepStrictEqual } from 'node:util';
import type { AnyDefinition } from '../../src/flows/definition.ts';
import type { JournaledEvent } from '../../src/journal/journal.ts';
import { begin, decide, type Rules } from '../../src/machine/decide.ts';
import type { TransactionEvent } from '../../src/machine/event.ts';
import { evolveAll } from '../../src/machine/evolve.ts';
import type { Fact } from '../../src/machine/fact.ts';
import { operationIn, stepState, STUCK, type State, type StepStatus, type TurnReason } from '../../src/machine/state.ts';

/** What can have asked for a turn. */
function turnedBy(turn: TurnReason): readonly Fact[] {
  if (turn.kind === 'cancelled') return [{ type: 'cancel_requested', reason: turn.reason, by: turn.by }];
  return turn.kind === 'deadline' ? [{ type: 'deadline_passed', nowMs: Number.MAX_SAFE_INTEGER }] : [];
}

/** The facts that an event, the first of its commit, can have come from. None: it only ever follows from another one. */
function factsBehind(event: TransactionEvent, state: State): readonly Fact[] {
  const attempt = { retryable: false, random: 0, nowMs: 0 };
  switch (event.type) {
    case 'attempt_started':
      return [{ type: event.type, ...event.data }];
    case 'attempt_lost': {
      // At the limit of crashes something follows, which shows where the limit is.
      const losses = (stepState(state, event.data.step)?.lost ?? 0) + 1;
      return [
        { type: event.type, ...event.data },
        { type: event.type, ...event.data, limit: losses },
      ];
    }
    case 'step_succeeded':
      return [{ type: 'succeeded', ...event.data }];
    case 'late_result':
      return [{ type: 'succeeded', result: null, ...event.data }];
    case 'compensation_succeeded':
      return [{ type: 'compensated', ...event.data }];
    case 'confirm_succeeded':
      return [{ type: 'confirmed', ...event.data }];
    case 'attempt_failed':
      return [{ type: 'attempt_failed', ...attempt, ...event.data, retryable: true }];
    case 'step_failed':
    case 'step_stuck':
    case 'confirm_stuck':
    case 'compensation_stuck': {
      const { step, error, attempt: number, worker, startedAtMs } = event.data;
      if (number === undefined || worker === undefined || startedAtMs === undefined) return [{ type: 'withdrawn', step }];
      const op = operationIn(event.type as StepStatus, STUCK) ?? 'run';
      const outcome = event.type === 'step_failed' ? event.data.outcome : 'unknown';
      return [{ type: 'attempt_failed', step, op, error, outcome, ...attempt, attempt: number, worker, startedAtMs }];
    }
    case 'step_withdrawn':
      return [{ type: 'withdrawn', step: event.data.step }];
    case 'turn_requested':
    case 'saga_turned':
      return turnedBy(event.data.turn);
    case 'saga_paused':
      return [{ type: 'pause_requested', ...event.data }];
    case 'saga_resumed':
      return [{ type: 'resume_requested', by: event.data.by }];
    case 'saga_terminated':
      return [{ type: 'terminate_requested', by: event.data.by, reason: event.data.reason }];
    case 'verdict_reached':
      return [{ type: 'confirm_requested' }, { type: 'nudged' }];
    case 'confirm_skipped':
    case 'compensation_skipped':
      return [{ type: 'skip_requested', ...event.data }];
    case 'retry_requested': {
      const { by, reason } = event.data;
      return [{ type: 'retry_requested', by, ...(reason === undefined ? {} : { reason }) }];
    }
    default:
      return [];
  }
}

/** As much of an event as is decided by rule and not by chance, as the journal would give it back. */
function certain(event: TransactionEvent): unknown {
  let told = event;
  if (event.type === 'attempt_failed') told = { ...event, data: { ...event.data, retryInMs: 0 } };
  if (event.type === 'step_issued' && event.data.hold !== undefined) told = { ...event, data: { ...event.data, hold: { expiresAtMs: 0 } } };
  return JSON.parse(JSON.stringify(told)) as unknown;
}

function agree(decided: readonly TransactionEvent[], journaled: readonly TransactionEvent[]): boolean {
  return decided.length > 0 && isDeepStrictEqual(decided.map(certain), journaled.slice(0, decided.length).map(certain));
}

/** What the rules make of a fact, in time and too late for a verdict; nothing where they forbid it. */
function decisionsOn(rules: Rules, state: State, fact: Fact): readonly (readonly TransactionEvent[])[] {
  const moments = state.kind === 'tcc' ? [0, Number.MAX_SAFE_INTEGER] : [0];
  return moments.map((nowMs) => {
    try {
      return decide({ ...rules, nowMs }, state, fact);
    } catch {
      return [];
    }
  });
}

/**
 * Replays a journal: each version once (I7), and everything in it is what the rules make of what came before (I5). Gives the state at the end.
 *
 * @throws {Error} naming the first event that is not legal
 */
export function replay(saga: AnyDefinition, id: string, journaled: readonly JournaledEvent[]): State {
  const gap = journaled.findIndex(({ version }, index) => version !== index + 1);
  if (gap >= 0) throw new Error(`${id}: version ${journaled[gap]!.version} stands where ${gap + 1} should`);
  const rules: Rules = { plan: saga.plan, bindings: saga.bindings };
  const events = journaled.map(({ event }) => event);
  const [first] = events;
  if (first?.type !== 'saga_started') throw new Error(`${id} begins with ${first?.type ?? 'nothing'}`);
  let decided = begin(rules, id, first.data);
  if (!agree(decided, events)) throw new Error(`${id} does not begin as the rules say: ${events.map(({ type }) => type).join(', ')}`);
  let state = evolveAll(undefined, id, decided)!;
  for (let at = decided.length; at < events.length; at += decided.length) {
    const left = events.slice(at);
    const decisions = factsBehind(left[0]!, state).flatMap((fact) => decisionsOn(rules, state, fact));
    // The longest: a fact without its consequences is not all of it.
    const [legal] = decisions.filter((decision) => agree(decision, left)).sort((a, b) => b.length - a.length);
    if (legal === undefined) {
      const context = `${left
        .slice(0, 4)
        .map((event) => JSON.stringify(event))
        .join('\n  ')}\nthe rules: ${JSON.stringify(decisions)}`;
      throw new Error(`${id}: ${left[0]!.type} at ${at + 1} is nothing that the rules decide there\n  ${context}`);
    }
    decided = legal;
    state = evolveAll(state, id, decided)!;
  }
  return state;
}
