import type { JSX } from 'preact';
import type { Look, Shape, Tone } from '../parts/tone.ts';

/** Where a bar stands in its row. */
export const BAR = { top: 8, height: 14 } as const;

type Pieces = readonly (readonly [top: number, height: number])[];

const WHOLE: Pieces = [[0, 14]];
const BROKEN: Pieces = [
  [0, 6],
  [8, 6],
];
const CRUMBLED: Pieces = [
  [0, 3],
  [5.5, 3],
  [11, 3],
];
const THIN: Pieces = [[5, 4]];

/** Told apart without colour, also where a bar is no wider than a hair: whole, broken in two, in three where nobody knows, thin without effect. */
const PIECES: Readonly<Partial<Record<Shape, Pieces>>> = { cross: BROKEN, question: CRUMBLED, clock: THIN, dash: THIN };

/** The bar of an outcome, as a path. */
export function barPath(shape: Shape, x: number, width: number): string {
  return (PIECES[shape] ?? WHOLE).map(([top, height]) => `M${x} ${BAR.top + top}h${width}v${height}h${-width}z`).join('');
}

/** Nobody knows yet how it ends: it is drawn hollow. */
export function isHollow(shape: Shape): boolean {
  return shape === 'forward' || shape === 'back';
}

const KEYS: readonly (Look | { readonly line: 'queued' | 'backoff'; readonly tone: Tone; readonly word: string })[] = [
  { tone: 'busy', shape: 'forward', word: 'not ended' },
  { tone: 'good', shape: 'check', word: 'succeeded' },
  { tone: 'undo', shape: 'undone', word: 'undone' },
  { tone: 'bad', shape: 'cross', word: 'failed' },
  { tone: 'hold', shape: 'question', word: 'effect unknown' },
  { line: 'queued', tone: 'wait', word: 'queued' },
  { line: 'backoff', tone: 'hold', word: 'backing off' },
];

/** What the bars mean. */
export function BarKeys(): JSX.Element {
  return (
    <ul class="after bar-legend small" aria-label="What the bars mean">
      {KEYS.map((key) => (
        <li key={key.word}>
          <svg class="key" width="13" height="11.375" viewBox={`0 ${BAR.top} 16 ${BAR.height}`} aria-hidden="true">
            {'line' in key ? (
              <path class={key.line} d={`M0 ${BAR.top + BAR.height / 2}h16`} />
            ) : (
              <path
                class={`bar tone-${key.tone}${isHollow(key.shape) ? ' hollow' : ''}`}
                d={isHollow(key.shape) ? `M1 ${BAR.top + 1}h14v12h-14z` : barPath(key.shape, 0, 16)}
              />
            )}
          </svg>
          {key.word}
        </li>
      ))}
    </ul>
  );
}
