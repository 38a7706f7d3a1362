import { styleText } from 'node:util';
import type { Status } from '../machine/state.ts';
import type { Tone } from '../operations/happening-text.ts';

/** Colours a text. Meaning never depends on it: marks and words say the same. */
export type Paint = (tone: Tone, text: string) => string;

export const unpainted: Paint = (_tone, text) => text;

const FORMATS = { good: 'green', bad: 'red', undo: 'yellow', quiet: 'dim', strong: 'bold' } as const;

/** Colours only where the stream is a terminal and NO_COLOR is not set. */
export function paintFor(stream: NodeJS.WriteStream): Paint {
  return (tone, text) => (tone === 'plain' ? text : styleText(FORMATS[tone], text, { stream }));
}

const MARKS: Readonly<Record<Status, { readonly mark: string; readonly tone: Tone }>> = {
  running: { mark: '▶', tone: 'plain' },
  waiting: { mark: '◷', tone: 'plain' },
  paused: { mark: '‖', tone: 'plain' },
  completed: { mark: '✔', tone: 'good' },
  compensating: { mark: '◀', tone: 'undo' },
  compensated: { mark: '↩', tone: 'undo' },
  confirming: { mark: '▷', tone: 'plain' },
  confirmed: { mark: '✓', tone: 'good' },
  cancelling: { mark: '◁', tone: 'undo' },
  cancelled: { mark: '↶', tone: 'undo' },
  stuck: { mark: '!', tone: 'bad' },
  terminated: { mark: '■', tone: 'bad' },
};

/** A status as shape and word. */
export function statusLabel(status: Status, paint: Paint = unpainted): string {
  const { mark, tone } = MARKS[status];
  return paint(tone, `${mark} ${status}`);
}
