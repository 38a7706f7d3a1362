import type { Operation } from '../../api/common.ts';
import type { Step, Transaction } from '../../api/transaction.ts';
import { lookOfStep } from '../parts/status.tsx';
import { outcomeLook, type Unserved } from '../timeline/outcomes.ts';
import type { Look } from '../parts/tone.ts';

const UNKNOWN: Look = { tone: 'hold', shape: 'question', word: 'unknown outcome' };
const BACKING_OFF: Look = { tone: 'hold', shape: 'clock', word: 'backing off' };
const TIMER: Look = { tone: 'wait', shape: 'clock', word: 'timer runs' };
const SIGNAL: Look = { tone: 'wait', shape: 'clock', word: 'awaits signal' };
const IF_NEEDED: Look = { tone: 'wait', shape: 'dot', word: 'if needed' };

const OF_UNDO = /^(?:compensat|cancel)/;
const OF_CONFIRM = /^confirm/;
const UNDER_WAY = new Set(['issued', 'trying', 'compensating', 'cancelling', 'confirming']);

/** Under way is an operation that was asked for; whether it stands in the queue is known of some. */
function underWay(step: Step, op: Operation, { attempts }: Transaction, unserved: Unserved): Look {
  const status = lookOfStep(step.status);
  const open = attempts.findLast((attempt) => attempt.step === step.name && attempt.op === op && attempt.outcome === 'open');
  if (open === undefined) return status;
  const look = outcomeLook(open, unserved);
  // Its status says more than that it is being worked at: `being undone`, `confirming`.
  return look.shape === 'clock' || step.status === 'issued' ? look : status;
}

function current(step: Step, op: Operation, transaction: Transaction, unserved: Unserved): Look {
  if (!UNDER_WAY.has(step.status)) return lookOfStep(step.status);
  if (step.wait !== null) return step.wait.kind === 'timer' ? TIMER : SIGNAL;
  if (step.retryAtMs !== null) return BACKING_OFF;
  return underWay(step, op, transaction, unserved);
}

/** How the action went of a step that has gone on to its undo or confirm since. */
function past(step: Step, { kind, attempts }: Transaction): Look {
  const last = attempts.findLast((attempt) => attempt.step === step.name && attempt.op === 'run');
  const succeeded = last === undefined ? step.result !== null : last.outcome === 'succeeded' || last.outcome === 'late';
  if (succeeded || step.result !== null) return lookOfStep(kind === 'tcc' ? 'held' : 'succeeded');
  return UNKNOWN;
}

/** How an operation of a step stands. */
export function lookOf(step: Step, op: Operation, transaction: Transaction, unserved: Unserved): Look {
  const undoing = OF_UNDO.test(step.status);
  const confirming = OF_CONFIRM.test(step.status);
  const now = (): Look => current(step, op, transaction, unserved);
  if (op === 'run') return undoing || confirming ? past(step, transaction) : now();
  if (op === 'compensate') return undoing ? now() : IF_NEEDED;
  return confirming ? now() : lookOfStep('pending');
}
