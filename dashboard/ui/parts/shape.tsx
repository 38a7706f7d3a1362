import type { JSX } from 'preact';
import type { Shape as ShapeName } from './tone.ts';

const stroke = {
  fill: 'none',
  stroke: 'currentColor',
  'stroke-width': 1.7,
  'stroke-linecap': 'round',
  'stroke-linejoin': 'round',
} as const;
const cut = { ...stroke, class: 'cut' } as const;
const disc = <circle cx="8" cy="8" r="7.2" fill="currentColor" />;
const ring = <circle cx="8" cy="8" r="6.4" {...stroke} />;
const dashes = <circle cx="8" cy="8" r="6.4" {...stroke} stroke-dasharray="2.4 2.6" class="turning" />;

/** Full shapes have ended, open ones go on; the octagon wants somebody. Told apart without colour. */
const SHAPES: Readonly<Record<ShapeName, JSX.Element>> = {
  forward: (
    <>
      {ring}
      <path d="M6.7 5.3 10.6 8l-3.9 2.7z" fill="currentColor" />
    </>
  ),
  clock: (
    <>
      {ring}
      <path d="M8 4.6V8l2.3 1.6" {...stroke} />
    </>
  ),
  bars: (
    <>
      {ring}
      <path d="M6.3 5.8v4.4M9.7 5.8v4.4" {...stroke} />
    </>
  ),
  check: (
    <>
      {disc}
      <path d="m4.9 8.2 2.2 2.2 4-4.6" {...cut} />
    </>
  ),
  checking: (
    <>
      {dashes}
      <path d="m5.4 8.2 1.9 1.9 3.4-4" {...stroke} />
    </>
  ),
  back: (
    <>
      {dashes}
      <path d="M11 8H5.4m2.2-2.4L5.2 8l2.4 2.4" {...stroke} />
    </>
  ),
  undone: (
    <>
      {disc}
      <path d="M11.3 8H5.1m2.4-2.6L4.9 8l2.6 2.6" {...cut} />
    </>
  ),
  octagon: (
    <>
      <path d="M5.1.9h5.8l4.2 4.2v5.8l-4.2 4.2H5.1L.9 10.9V5.1z" fill="currentColor" />
      <path d="M8 4.3v4.2M8 11.3h.01" {...cut} stroke-width="2" />
    </>
  ),
  square: (
    <>
      <rect x="1.2" y="1.2" width="13.6" height="13.6" rx="2" fill="currentColor" />
      <path d="m5.3 5.3 5.4 5.4m0-5.4-5.4 5.4" {...cut} />
    </>
  ),
  cross: (
    <>
      <path d="M8 .8 15.2 8 8 15.2.8 8z" fill="currentColor" />
      <path d="m6 6 4 4m0-4-4 4" {...cut} />
    </>
  ),
  dash: (
    <>
      <circle cx="8" cy="8" r="6.4" {...stroke} stroke-width="1.3" />
      <path d="M5.2 8h5.6" {...stroke} />
    </>
  ),
  dot: <circle cx="8" cy="8" r="5" {...stroke} stroke-width="1.3" stroke-dasharray="1.2 2.2" />,
  hand: (
    <>
      <rect x="1.4" y="4" width="13.2" height="8" rx="4" fill="currentColor" />
      <path d="M4.8 8h6.4" {...cut} stroke-dasharray="0.1 3" stroke-width="2.2" />
    </>
  ),
  question: (
    <>
      <path d="M8 .8 15.2 8 8 15.2.8 8z" {...stroke} stroke-width="1.3" />
      <path d="M6.3 6.4a1.75 1.75 0 1 1 2.6 1.5c-.6.4-.9.6-.9 1.2M8 11.2h.01" {...stroke} stroke-width="1.4" />
    </>
  ),
};

/** The shape of a status; decoration, for a word says the same beside it. */
export function ShapeMark({ shape }: { readonly shape: ShapeName }): JSX.Element {
  return (
    <svg class="shape" viewBox="0 0 16 16" aria-hidden="true">
      {SHAPES[shape]}
    </svg>
  );
}

/** The same inside of another drawing, `size` units wide. */
export function ShapeIn({
  shape,
  x,
  y,
  size,
}: {
  readonly shape: ShapeName;
  readonly x: number;
  readonly y: number;
  readonly size: number;
}): JSX.Element {
  return (
    <svg class="shape" x={x} y={y} width={size} height={size} viewBox="0 0 16 16">
      {SHAPES[shape]}
    </svg>
  );
}
