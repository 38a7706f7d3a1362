import { emit, type Draft } from './draft.ts';
import { pivotInFlight } from './pivot.ts';
import type { ErrorData, TurnReason } from './state.ts';
import { withdrawWaits } from './waits.ts';

/** Turns back; later, while the pivot may still succeed. */
export function turn(draft: Draft, reason: TurnReason): void {
  if (pivotInFlight(draft.rules.plan, draft.state)) {
    if (draft.state.pendingTurn === undefined) emit(draft, { type: 'turn_requested', data: { turn: reason } });
  } else {
    turnNow(draft, reason);
  }
}

const GIVEN_UP: ErrorData = { name: 'GivenUp', message: 'it was stuck when the saga turned back, and may have had an effect' };

/** Turns back. What is stuck will not be tried on: it may have had an effect, so it is undone with the rest. */
export function turnNow(draft: Draft, reason: TurnReason): void {
  emit(draft, { type: 'saga_turned', data: { turn: reason } });
  withdrawWaits(draft);
  for (const [step, { status }] of Object.entries(draft.state.steps)) {
    if (status === 'stuck') emit(draft, { type: 'step_failed', data: { step, error: GIVEN_UP, outcome: 'unknown' } });
  }
}
