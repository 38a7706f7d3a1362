import type { TransactionEvent } from '../../src/machine/event.ts';
import type { Fact } from '../../src/machine/fact.ts';
import type { Operation, TurnReason } from '../../src/machine/state.ts';
import type { Entry, Model } from './model.ts';

/** An event that has to come, with those of its data that matter. */
export interface Expected {
  readonly type: TransactionEvent['type'];
  readonly data: Readonly<Record<string, unknown>>;
}

/** What is to be said of a fact itself, before what follows from it; or that it is refused with NOT_ALLOWED. */
export type Verdict = readonly Expected[] | 'refused';

type StepFact<T extends Fact['type']> = Extract<Fact, { type: T }>;

function turned(turn: TurnReason): Expected {
  return { type: 'saga_turned', data: { turn } };
}

/** With the turn every wait is taken back, and all that is stuck is given up, and undone as what may have happened. */
function turns(model: Model, reason: TurnReason, settled?: string): readonly Expected[] {
  const stuck = model.all.filter(({ run }) => run === 'stuck');
  const waits = model.waits.filter(({ spec }) => spec.name !== settled);
  const withdrawn = waits.map(({ spec }): Expected => ({ type: 'step_withdrawn', data: { step: spec.name } }));
  return [
    turned(reason),
    ...withdrawn,
    ...stuck.map(({ spec }): Expected => ({ type: 'step_failed', data: { step: spec.name, outcome: 'unknown' } })),
  ];
}

function resumed(model: Model, by: string): readonly Expected[] {
  return model.paused ? [{ type: 'saga_resumed', data: { by } }] : [];
}

function turn(model: Model, reason: TurnReason): readonly Expected[] {
  if (!model.pivotInFlight) return turns(model, reason);
  return model.pending === undefined ? [{ type: 'turn_requested', data: { turn: reason } }] : [];
}

/** An answer of an attempt whose end was recorded before, while another one may be running. */
function overlaps(entry: Entry, attempt: number): boolean {
  return attempt <= entry.ended && !entry.resting;
}

function isOpen(entry: Entry, op: Operation): boolean {
  if (op === 'confirm') return false;
  return op === 'run' ? entry.run === 'open' : entry.undo === 'open';
}

function onSuccess(entry: Entry, fact: StepFact<'succeeded'>): Verdict {
  const { step, result } = fact;
  const late: Expected = { type: 'late_result', data: { step, op: 'run', succeeded: true } };
  if (entry.run === 'succeeded') return entry.undo === 'none' ? [] : [late];
  if (entry.run !== 'open' && entry.run !== 'stuck') return [late];
  if (entry.spec.kind === 'compensatable' && overlaps(entry, fact.attempt)) return [late];
  return [{ type: 'step_succeeded', data: { step, result } }];
}

function onLateAnswer(entry: Entry, fact: StepFact<'answered_late'>): Verdict {
  return entry.run === 'open' ? [] : onAnswerAfterEnd(entry, fact);
}

function onAnswerAfterEnd({ run, undo }: Entry, { step }: StepFact<'succeeded' | 'answered_late'>): Verdict {
  if (run === 'untouched' || (run === 'succeeded' && undo === 'none')) return [];
  return [{ type: 'late_result', data: { step, op: 'run', succeeded: true } }];
}

function onActionFailure(model: Model, entry: Entry, fact: StepFact<'attempt_failed'>, deadlineAtMs: number | null): Verdict {
  const { step, error } = fact;
  const { kind, attempts } = entry.spec;
  const failures = entry.failures + 1;
  const again: Expected = { type: 'attempt_failed', data: { step, op: 'run', error, outcome: fact.outcome, attempt: fact.attempt } };
  if (kind === 'retriable' || model.pastPivot) {
    return failures === attempts ? [again, { type: 'step_overdue', data: { step, attempts } }] : [again];
  }
  const mayRetry = fact.retryable && failures < attempts;
  const late = deadlineAtMs !== null && fact.nowMs >= deadlineAtMs;
  const ownReason: TurnReason = mayRetry && late ? { kind: 'deadline' } : { kind: 'step_failed', step, error };
  if (kind === 'pivot') {
    const settles = fact.outcome === 'definite' && (!mayRetry || late || model.pending !== undefined);
    if (settles) {
      const reason = model.pending ?? (mayRetry ? { kind: 'deadline' } : ownReason);
      return [{ type: 'step_failed', data: { step, error, outcome: 'definite' } }, ...turns(model, reason)];
    }
    return mayRetry ? [again] : [{ type: 'step_stuck', data: { step, error } }];
  }
  if (model.turned === undefined && mayRetry && !late) return [again];
  const outcome = entry.doubtful || fact.outcome === 'unknown' ? 'unknown' : 'definite';
  const failed: Expected = { type: 'step_failed', data: { step, error, outcome } };
  return model.turned === undefined ? [failed, ...turns(model, ownReason)] : [failed];
}

function onUndoFailure(entry: Entry, fact: StepFact<'attempt_failed'>): Verdict {
  const { step, error } = fact;
  return fact.retryable && entry.failures + 1 < entry.spec.undoAttempts
    ? [{ type: 'attempt_failed', data: { step, op: 'compensate', error } }]
    : [{ type: 'compensation_stuck', data: { step, error } }];
}

function onLoss(model: Model, entry: Entry, { step, op, limit, jobLost }: StepFact<'attempt_lost'>): Verdict {
  if (!isOpen(entry, op)) return [];
  if (jobLost === true) return [{ type: 'attempt_lost', data: { step, op, attempt: entry.ended + 1, jobLost } }];
  const lost: Expected = { type: 'attempt_lost', data: { step, op, attempt: entry.ended + 1 } };
  if (limit === undefined || entry.lost + 1 < limit) return [lost];
  if (op === 'compensate') return [lost, { type: 'compensation_stuck', data: { step } }];
  return [
    lost,
    model.turned === undefined ? { type: 'step_stuck', data: { step } } : { type: 'step_failed', data: { step, outcome: 'unknown' } },
  ];
}

function onWithdrawal(model: Model, entry: Entry, { step }: StepFact<'withdrawn'>): Verdict {
  if (entry.run !== 'open' || (model.turned === undefined && model.pending === undefined)) return [];
  const isPivot = entry.spec.kind === 'pivot';
  if (isPivot && entry.doubtful) return [];
  const taken: Expected = entry.doubtful
    ? { type: 'step_failed', data: { step, outcome: 'unknown' } }
    : { type: 'step_withdrawn', data: { step } };
  return isPivot ? [taken, ...turns(model, model.pending!)] : [taken];
}

function onRetry(model: Model, { by, step }: StepFact<'retry_requested'>): Verdict {
  return model.all.flatMap(({ spec: { name }, run, undo }): Expected[] => {
    if (step !== undefined && step !== name) return [];
    const asked = (op: 'run' | 'compensate'): Expected => ({ type: 'retry_requested', data: { step: name, op, by } });
    if (run === 'stuck' || run === 'unbound') return [asked('run')];
    return undo === 'stuck' ? [asked('compensate')] : [];
  });
}

/** The stuck undos that an act is about: of one step, or all. */
function stuckUndos(model: Model, only: string | undefined): readonly string[] {
  const stuck = model.all.filter(({ undo }) => undo === 'stuck').map(({ spec }) => spec.name);
  return only === undefined ? stuck : stuck.filter((name) => name === only);
}

function onSignal(model: Model, { signal, data, by }: StepFact<'signal_sent'>): Verdict {
  const { spec, run } = model.entry(signal);
  if (spec.wait?.kind !== 'signal') return 'refused';
  if (model.signals.has(signal)) return JSON.stringify(model.signals.get(signal)) === JSON.stringify(data) ? [] : 'refused';
  if (model.turned !== undefined || run === 'skipped') return 'refused';
  return [{ type: 'signal_received', data: { signal, data, by } }];
}

function onWaitDue(model: Model, { step, nowMs }: StepFact<'wait_due'>): Verdict {
  const { spec, run, untilMs } = model.entry(step);
  if (spec.wait === undefined || run !== 'open' || model.paused || model.signals.has(step)) return [];
  if (untilMs === null || nowMs < untilMs) return [];
  if (spec.wait.kind === 'timer') return [{ type: 'wait_ended', data: { step, by: 'timer', result: null } }];
  if (spec.wait.onTimeout === 'continue') return [{ type: 'wait_ended', data: { step, by: 'timeout', result: null } }];
  const error = { name: 'SignalTimeout', message: `no signal "${step}" came within ${spec.wait.timeoutMs} ms` };
  return [{ type: 'step_failed', data: { step, error, outcome: 'definite' } }, ...turns(model, { kind: 'step_failed', step, error }, step)];
}

/** What the rules say of a fact, by the test's own model. */
export function expectation(model: Model, fact: Fact, deadlineAtMs: number | null): Verdict {
  if (model.end !== undefined) {
    return fact.type === 'succeeded' || fact.type === 'answered_late' ? onAnswerAfterEnd(model.entry(fact.step), fact) : [];
  }
  switch (fact.type) {
    case 'nudged':
    case 'confirmed':
    case 'renewed':
    case 'renewal_failed':
      return [];
    case 'confirm_requested':
      return 'refused';
    case 'signal_sent':
      return onSignal(model, fact);
    case 'wait_due':
      return onWaitDue(model, fact);
    case 'cancel_requested':
      if (model.turned !== undefined) return [];
      if (model.pastPivot) return 'refused';
      return [...resumed(model, fact.by), ...turn(model, { kind: 'cancelled', reason: fact.reason, by: fact.by })];
    case 'pause_requested':
      return model.paused ? [] : [{ type: 'saga_paused', data: { by: fact.by } }];
    case 'resume_requested':
      return resumed(model, fact.by);
    case 'deadline_passed':
      if (deadlineAtMs === null || fact.nowMs < deadlineAtMs || model.turned !== undefined || model.pastPivot || model.paused) return [];
      return turn(model, { kind: 'deadline' });
    case 'retry_requested':
      return onRetry(model, fact);
    case 'terminate_requested': {
      const { by, reason } = fact;
      return [{ type: 'saga_terminated', data: { by, reason, notCompensated: model.standing } }];
    }
    case 'skip_requested': {
      const { by, reason } = fact;
      const skipped = stuckUndos(model, fact.step).map((step): Expected => ({ type: 'compensation_skipped', data: { step, by, reason } }));
      return skipped.length > 0 ? skipped : 'refused';
    }
    case 'undone_by_hand': {
      const byHand = { by: fact.by, reason: fact.reason };
      const done = stuckUndos(model, fact.step).map((step): Expected => ({ type: 'compensation_succeeded', data: { step, byHand } }));
      return done.length > 0 ? done : 'refused';
    }
    case 'attempt_started': {
      const entry = model.entry(fact.step);
      if (!isOpen(entry, fact.op) || entry.ended === 0) return [];
      return [{ type: 'attempt_started', data: { step: fact.step, op: fact.op, attempt: entry.ended + 1 } }];
    }
    case 'attempt_lost':
      return onLoss(model, model.entry(fact.step), fact);
    case 'succeeded':
      return onSuccess(model.entry(fact.step), fact);
    case 'answered_late':
      return onLateAnswer(model.entry(fact.step), fact);
    case 'attempt_failed': {
      const entry = model.entry(fact.step);
      if (!isOpen(entry, fact.op) || fact.attempt <= entry.ended) return [];
      return fact.op === 'run' ? onActionFailure(model, entry, fact, deadlineAtMs) : onUndoFailure(entry, fact);
    }
    case 'compensated': {
      const entry = model.entry(fact.step);
      if (entry.undo !== 'stuck' && (entry.undo !== 'open' || overlaps(entry, fact.attempt))) return [];
      return [{ type: 'compensation_succeeded', data: { step: fact.step } }];
    }
    case 'withdrawn':
      return onWithdrawal(model, model.entry(fact.step), fact);
  }
}
