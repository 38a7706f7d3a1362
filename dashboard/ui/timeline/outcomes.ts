import type { Attempt } from '../../api/attempt.ts';
import type { Look } from '../parts/tone.ts';

/** How an attempt went. */
const OUTCOMES: Readonly<Record<Attempt['outcome'], Look>> = {
  open: { tone: 'busy', shape: 'forward', word: 'under way' },
  succeeded: { tone: 'good', shape: 'check', word: 'succeeded' },
  failed: { tone: 'bad', shape: 'cross', word: 'failed, without effect' },
  unknown: { tone: 'hold', shape: 'question', word: 'failed, effect unknown' },
  lost: { tone: 'hold', shape: 'question', word: 'worker lost, effect unknown' },
  late: { tone: 'wait', shape: 'clock', word: 'answered too late' },
  withdrawn: { tone: 'wait', shape: 'dash', word: 'withdrawn' },
};

/** A success of an undo is not green: it took something back. */
export function outcomeLook({ op, outcome }: Pick<Attempt, 'op' | 'outcome'>): Look {
  if (op !== 'compensate') return OUTCOMES[outcome];
  if (outcome === 'succeeded') return { tone: 'undo', shape: 'undone', word: 'undone' };
  if (outcome === 'open') return { tone: 'undo', shape: 'back', word: 'being undone' };
  return OUTCOMES[outcome];
}
