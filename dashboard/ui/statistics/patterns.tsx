import type { JSX } from 'preact';

/** What the parts of a stack are filled with, so that each is told from its neighbour without colour: plain, striped, crossed, lined, hollow. */
export function Patterns(): JSX.Element {
  return (
    <defs>
      <pattern id="chart-undo" class="tone-undo" width="6" height="6" patternUnits="userSpaceOnUse">
        <rect class="ground" width="6" height="6" />
        <path d="M-1 1l2-2M0 6l6-6M5 7l2-2" />
      </pattern>
      <pattern id="chart-bad" class="tone-bad" width="5" height="5" patternUnits="userSpaceOnUse">
        <rect class="ground" width="5" height="5" />
        <path d="M0 0l5 5M5 0l-5 5" />
      </pattern>
      <pattern id="chart-done" class="tone-done" width="4" height="4" patternUnits="userSpaceOnUse">
        <rect class="ground" width="4" height="4" />
        <path d="M0 1h4" />
      </pattern>
    </defs>
  );
}

function fillOf(tone: string): string | undefined {
  return ['undo', 'bad', 'done'].includes(tone) ? `url(#chart-${tone})` : undefined;
}

interface PartProps {
  readonly tone: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export function Part({ tone, ...box }: PartProps): JSX.Element {
  return <rect class={`part tone-${tone}`} fill={fillOf(tone)} {...box} />;
}
