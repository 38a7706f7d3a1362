import { AmendsError } from '../errors.ts';
import { emit, type Draft } from './draft.ts';
import { stepState, type ErrorData, type State, type StepStatus } from './state.ts';

/** The reservations in one of these states, in plan order. */
function reservationsIn({ rules, state }: Draft, statuses: readonly StepStatus[]): readonly string[] {
  return rules.plan.stages.flat().filter((name) => {
    const status = stepState(state, name)?.status;
    return status !== undefined && statuses.includes(status);
  });
}

/** The hold that runs out first. */
function firstToExpire(draft: Draft): { readonly step: string; readonly expiresAtMs: number } | undefined {
  const holds = reservationsIn(draft, ['succeeded']).flatMap((step) => {
    const hold = stepState(draft.state, step)?.hold;
    return hold === undefined ? [] : [{ step, ...hold }];
  });
  return holds.sort((a, b) => a.expiresAtMs - b.expiresAtMs)[0];
}

function runsOut(marginMs: number): ErrorData {
  return { name: 'HoldExpired', message: `its hold runs out in less than the margin of ${marginMs} ms, too soon to be confirmed for sure` };
}

/** Who asked for the verdict, and why. */
interface Asked {
  readonly by?: string;
  readonly reason?: string;
}

/** To confirm, unless it is too late for that by the clock. */
function decideVerdict(draft: Draft, asked: Asked = {}): void {
  const { plan, nowMs = 0 } = draft.rules;
  const { deadlineAtMs } = draft.state;
  const { marginMs = 0 } = plan;
  const first = firstToExpire(draft);
  if (deadlineAtMs !== null && nowMs >= deadlineAtMs) {
    emit(draft, { type: 'saga_turned', data: { turn: { kind: 'deadline' } } });
  } else if (first !== undefined && nowMs > first.expiresAtMs - marginMs) {
    emit(draft, { type: 'saga_turned', data: { turn: { kind: 'step_failed', step: first.step, error: runsOut(marginMs) } } });
  } else {
    emit(draft, { type: 'verdict_reached', data: { verdict: 'confirm', ...asked } });
  }
}

/** When all is held, the verdict. `false`: it is for somebody else to say. */
export function reachVerdict(draft: Draft): boolean {
  if (draft.state.held === true) return false;
  if (draft.state.awaitsVerdict === true) emit(draft, { type: 'tcc_held', data: {} });
  else decideVerdict(draft);
  return true;
}

/**
 * The verdict of a TCC that waits for it. Asked for again it changes nothing.
 *
 * @throws {AmendsError} NOT_ALLOWED
 */
export function giveVerdict(draft: Draft, { by, reason }: Asked): void {
  const { id, awaitsVerdict, held, verdict, direction, paused }: State = draft.state;
  const refuse = (problem: string): never => {
    throw new AmendsError('NOT_ALLOWED', `transaction ${id} ${problem}`, { details: { id } });
  };
  if (awaitsVerdict !== true) refuse('decides by itself: only a TCC that was started with awaitsVerdict is told to confirm');
  if (verdict !== undefined) return;
  if (direction === 'backward') refuse('is cancelled: a verdict does not change');
  if (paused !== undefined) refuse('is paused: resume it first');
  if (held !== true) refuse('does not hold everything yet: wait for run.held() first');
  decideVerdict(draft, { ...(by === undefined ? {} : { by }), ...(reason === undefined ? {} : { reason }) });
}

/** Asks for the confirm of all that is held, at once. `false`: nothing is left to ask for. */
export function confirmHeld(draft: Draft): boolean {
  const held = reservationsIn(draft, ['succeeded']);
  for (const step of held) emit(draft, { type: 'confirm_issued', data: { step } });
  return held.length > 0;
}

/**
 * Asks for the cancel of all that was ever asked for and has settled, whatever its try said: a try that is still on its way somewhere finds
 * itself barred. `false`: nothing is left to ask for.
 */
export function cancelHeld(draft: Draft): boolean {
  const settled = reservationsIn(draft, ['succeeded', 'failed', 'withdrawn']);
  for (const step of settled) emit(draft, { type: 'compensation_issued', data: { step } });
  return settled.length > 0;
}
