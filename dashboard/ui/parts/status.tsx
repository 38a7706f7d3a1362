import type { JSX } from 'preact';
import type { Status } from '../../../src/machine/state.ts';
import type { StepView } from '../../../src/machine/view.ts';
import { ShapeMark } from './shape.tsx';
import type { Look } from './tone.ts';

/** What each status of a transaction looks like. */
export const STATUS_LOOKS: Readonly<Record<Status, Look>> = {
  running: { tone: 'busy', shape: 'forward', word: 'running' },
  waiting: { tone: 'wait', shape: 'clock', word: 'waiting' },
  paused: { tone: 'hold', shape: 'bars', word: 'paused' },
  completed: { tone: 'good', shape: 'check', word: 'completed' },
  compensating: { tone: 'undo', shape: 'back', word: 'compensating' },
  compensated: { tone: 'undo', shape: 'undone', word: 'compensated' },
  confirming: { tone: 'busy', shape: 'checking', word: 'confirming' },
  confirmed: { tone: 'good', shape: 'check', word: 'confirmed' },
  cancelling: { tone: 'undo', shape: 'back', word: 'cancelling' },
  cancelled: { tone: 'undo', shape: 'undone', word: 'cancelled' },
  stuck: { tone: 'bad', shape: 'octagon', word: 'stuck' },
  terminated: { tone: 'done', shape: 'square', word: 'terminated' },
};

/** And each status of a step or a reservation. */
const STEP_LOOKS: Readonly<Record<StepView['status'], Look>> = {
  pending: { tone: 'wait', shape: 'dot', word: 'not reached' },
  issued: { tone: 'busy', shape: 'forward', word: 'queued or running' },
  trying: { tone: 'busy', shape: 'forward', word: 'trying' },
  succeeded: { tone: 'good', shape: 'check', word: 'succeeded' },
  held: { tone: 'good', shape: 'hand', word: 'held' },
  skipped: { tone: 'wait', shape: 'dash', word: 'skipped' },
  failed: { tone: 'bad', shape: 'cross', word: 'failed' },
  withdrawn: { tone: 'wait', shape: 'dash', word: 'withdrawn' },
  stuck: { tone: 'bad', shape: 'octagon', word: 'stuck' },
  compensating: { tone: 'undo', shape: 'back', word: 'being undone' },
  compensated: { tone: 'undo', shape: 'undone', word: 'undone' },
  compensation_stuck: { tone: 'bad', shape: 'octagon', word: 'undo stuck' },
  compensation_skipped: { tone: 'done', shape: 'square', word: 'undo given up' },
  confirming: { tone: 'busy', shape: 'checking', word: 'confirming' },
  confirmed: { tone: 'good', shape: 'check', word: 'confirmed' },
  confirm_stuck: { tone: 'bad', shape: 'octagon', word: 'confirm stuck' },
  confirm_skipped: { tone: 'done', shape: 'square', word: 'confirm given up' },
  cancelling: { tone: 'undo', shape: 'back', word: 'cancelling' },
  cancelled: { tone: 'undo', shape: 'undone', word: 'cancelled' },
  cancel_stuck: { tone: 'bad', shape: 'octagon', word: 'cancel stuck' },
  cancel_skipped: { tone: 'done', shape: 'square', word: 'cancel given up' },
};

const LOOKS: Readonly<Record<string, Look>> = STEP_LOOKS;

/** A newer server may have a status that this page does not know: it is shown by its name. */
export function lookOfStep(status: string): Look {
  return LOOKS[status] ?? { tone: 'wait', shape: 'question', word: status.replaceAll('_', ' ') };
}

/** A status in shape, word and colour. */
export function Badge({ look, large = false }: { readonly look: Look; readonly large?: boolean }): JSX.Element {
  return (
    <span class={`badge tone-${look.tone}${large ? ' large' : ''}`}>
      <ShapeMark shape={look.shape} />
      <span>{look.word}</span>
    </span>
  );
}
