import { stepOf } from '../flows/plan.ts';
import { emit, type Draft } from './draft.ts';
import type { AttemptFacts } from './event.ts';
import type { Fact } from './fact.ts';
import { isPastPivot } from './pivot.ts';
import { retryDelayMs } from './retry.ts';
import type { ErrorData, StepState, TurnReason } from './state.ts';
import { turnNow } from './turn.ts';

/** An operation in whose middle worker after worker is lost may be what kills them: it is not delivered for ever. */
export function lost(draft: Draft, { step: name, op, limit, jobLost }: Extract<Fact, { type: 'attempt_lost' }>, step: StepState): void {
  const attempt = step.attemptsEver + 1;
  emit(draft, { type: 'attempt_lost', data: jobLost === true ? { step: name, op, attempt, jobLost } : { step: name, op, attempt } });
  if (op === 'run' && draft.rules.plan.kind === 'tcc') return presumeCancel(draft, name);
  if (jobLost === true) return;
  const losses = step.lost + 1;
  if (limit === undefined || losses < limit) return;
  const error: ErrorData = { name: 'WorkerLost', message: `${losses} workers were lost in the middle of it: it may be what kills them` };
  if (op === 'compensate') emit(draft, { type: 'compensation_stuck', data: { step: name, error } });
  else if (op === 'confirm') emit(draft, { type: 'confirm_stuck', data: { step: name, error } });
  else if (draft.state.direction === 'forward') emit(draft, { type: 'step_stuck', data: { step: name, error } });
  else emit(draft, { type: 'step_failed', data: { step: name, error, outcome: 'unknown' } });
}

const PRESUMED: ErrorData = { name: 'TryLost', message: 'its try was lost before there was a verdict, so all is cancelled: start again' };

/** Holds run out while a recovery takes its time: a TCC that is found without a verdict is cancelled and not taken up again. */
function presumeCancel(draft: Draft, step: string): void {
  emit(draft, { type: 'step_failed', data: { step, error: PRESUMED, outcome: 'unknown' } });
  if (draft.state.direction === 'forward') turnNow(draft, { kind: 'step_failed', step, error: PRESUMED });
}

export function attemptFacts({ attempt, worker, startedAtMs, span }: AttemptFacts): AttemptFacts {
  return span === undefined ? { attempt, worker, startedAtMs } : { attempt, worker, startedAtMs, span };
}

type AttemptFailed = Extract<Fact, { type: 'attempt_failed' }>;

function failStep(draft: Draft, fact: AttemptFailed, outcome: 'definite' | 'unknown', reason: TurnReason): void {
  const { step, error } = fact;
  emit(draft, { type: 'step_failed', data: { step, error, outcome, ...attemptFacts(fact) } });
  if (draft.state.direction === 'forward') turnNow(draft, reason);
}

export function actionFailed(draft: Draft, fact: AttemptFailed, step: StepState): void {
  const { plan } = draft.rules;
  const { kind, action } = stepOf(plan, fact.step);
  const { pendingTurn, direction, deadlineAtMs } = draft.state;
  const failed = step.attempts + 1;
  const irreversible = kind === 'retriable' || isPastPivot(plan, draft.state);
  const again = (untilMs: number | null): void => {
    const delayMs = retryDelayMs(action.retry, failed, fact.random);
    const retryInMs = untilMs === null ? delayMs : Math.max(0, Math.min(delayMs, untilMs - fact.nowMs));
    const { step: name, op, error, outcome } = fact;
    emit(draft, { type: 'attempt_failed', data: { step: name, op, error, outcome, retryInMs, ...attemptFacts(fact) } });
  };

  if (irreversible) {
    again(null);
    if (failed === action.retry.attempts) emit(draft, { type: 'step_overdue', data: { step: fact.step, attempts: failed } });
    return;
  }
  const late = deadlineAtMs !== null && fact.nowMs >= deadlineAtMs;
  const mayRetry = fact.retryable && failed < action.retry.attempts;
  const ownReason: TurnReason = { kind: 'step_failed', step: fact.step, error: fact.error };

  if (kind === 'pivot') {
    // The participant's own word settles it, also about earlier attempts: they carried the same idempotency key.
    if (fact.outcome === 'definite' && (!mayRetry || pendingTurn !== undefined || late)) {
      failStep(draft, fact, 'definite', pendingTurn ?? (mayRetry ? { kind: 'deadline' } : ownReason));
    } else if (mayRetry) {
      again(null);
    } else {
      emit(draft, { type: 'step_stuck', data: { step: fact.step, error: fact.error, ...attemptFacts(fact) } });
    }
    return;
  }
  if (direction === 'forward' && mayRetry && !late) return again(deadlineAtMs);
  const outcome = step.doubtful || fact.outcome === 'unknown' ? 'unknown' : 'definite';
  failStep(draft, fact, outcome, mayRetry && late ? { kind: 'deadline' } : ownReason);
}

/** Of an undo or a confirm: it is tried until it is done, or a person has to look. */
export function obligationFailed(draft: Draft, fact: AttemptFailed, step: StepState): void {
  const { compensation, hold } = stepOf(draft.rules.plan, fact.step);
  const { retry } = (fact.op === 'confirm' ? hold?.confirm : undefined) ?? compensation;
  const failed = step.attempts + 1;
  const { step: name, op, error } = fact;
  if (fact.retryable && failed < retry.attempts) {
    const retryInMs = retryDelayMs(retry, failed, fact.random);
    emit(draft, { type: 'attempt_failed', data: { step: name, op, error, outcome: 'unknown', retryInMs, ...attemptFacts(fact) } });
  } else {
    const type = op === 'confirm' ? ('confirm_stuck' as const) : ('compensation_stuck' as const);
    emit(draft, { type, data: { step: name, error, ...attemptFacts(fact) } });
  }
}
