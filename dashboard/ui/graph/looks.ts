import type { Operation } from '../../api/common.ts';
import type { Step, Transaction } from '../../api/transaction.ts';
import { lookOfStep } from '../parts/status.tsx';
import type { Look } from '../parts/tone.ts';

const UNKNOWN: Look = { tone: 'hold', shape: 'question', word: 'unknown outcome' };
const BACKING_OFF: Look = { tone: 'hold', shape: 'clock', word: 'backing off' };
const TIMER: Look = { tone: 'wait', shape: 'clock', word: 'timer runs' };
const SIGNAL: Look = { tone: 'wait', shape: 'clock', word: 'awaits signal' };
const IF_NEEDED: Look = { tone: 'wait', shape: 'dot', word: 'if needed' };

const OF_UNDO = /^(?:compensat|cancel)/;
const OF_CONFIRM = /^confirm/;
const UNDER_WAY = new Set(['issued', 'trying', 'compensating', 'cancelling', 'confirming']);

function current(step: Step): Look {
  if (UNDER_WAY.has(step.status)) {
    if (step.wait !== null) return step.wait.kind === 'timer' ? TIMER : SIGNAL;
    if (step.retryAtMs !== null) return BACKING_OFF;
  }
  return lookOfStep(step.status);
}

/** How the action went of a step that has gone on to its undo or confirm since. */
function past(step: Step, { kind, attempts }: Transaction): Look {
  const last = attempts.findLast((attempt) => attempt.step === step.name && attempt.op === 'run');
  const succeeded = last === undefined ? step.result !== null : last.outcome === 'succeeded' || last.outcome === 'late';
  if (succeeded || step.result !== null) return lookOfStep(kind === 'tcc' ? 'held' : 'succeeded');
  return UNKNOWN;
}

/** How an operation of a step stands. */
export function lookOf(step: Step, op: Operation, transaction: Transaction): Look {
  const undoing = OF_UNDO.test(step.status);
  const confirming = OF_CONFIRM.test(step.status);
  if (op === 'run') return undoing || confirming ? past(step, transaction) : current(step);
  if (op === 'compensate') return undoing ? current(step) : IF_NEEDED;
  return confirming ? current(step) : lookOfStep('pending');
}
