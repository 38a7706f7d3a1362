import type { Attempt } from '../../api/attempt.ts';
import { storeTime } from '../browser/clock.ts';
import type { Look } from '../parts/tone.ts';

/** How an attempt went. */
const OUTCOMES: Readonly<Record<Exclude<Attempt['outcome'], 'open'>, Look>> = {
  succeeded: { tone: 'good', shape: 'check', word: 'succeeded' },
  failed: { tone: 'bad', shape: 'cross', word: 'failed, without effect' },
  unknown: { tone: 'hold', shape: 'question', word: 'failed, effect unknown' },
  lost: { tone: 'hold', shape: 'question', word: 'worker lost, effect unknown' },
  late: { tone: 'wait', shape: 'clock', word: 'answered too late' },
  withdrawn: { tone: 'wait', shape: 'dash', word: 'withdrawn' },
};

const BACKING_OFF: Look = { tone: 'hold', shape: 'clock', word: 'backing off' };
const NO_WORKER: Look = { tone: 'bad', shape: 'clock', word: 'queued, no worker' };
const QUEUED: Look = { tone: 'wait', shape: 'clock', word: 'queued' };

/** The steps whose queue nobody takes jobs from. */
export type Unserved = ReadonlySet<string>;

/**
 * How an attempt stands that has not ended. That a worker has it is told at once from the second attempt on; of a first one only with its
 * end, so that it may still be in the queue.
 */
function openLook({ step, op, attempt, queuedAtMs, startedAtMs }: Attempt, unserved: Unserved): Look {
  const isUndo = op === 'compensate';
  if (startedAtMs !== null) return { tone: isUndo ? 'undo' : 'busy', shape: isUndo ? 'back' : 'forward', word: 'running' };
  if (queuedAtMs > storeTime()) return BACKING_OFF;
  if (unserved.has(step)) return NO_WORKER;
  if (attempt > 1) return QUEUED;
  return { tone: isUndo ? 'undo' : 'busy', shape: isUndo ? 'back' : 'forward', word: 'queued or running' };
}

/** A success of an undo is not green: it took something back. */
export function outcomeLook(attempt: Attempt, unserved: Unserved): Look {
  const { op, outcome } = attempt;
  if (outcome === 'open') return openLook(attempt, unserved);
  if (op === 'compensate' && outcome === 'succeeded') return { tone: 'undo', shape: 'undone', word: 'undone' };
  return OUTCOMES[outcome];
}
