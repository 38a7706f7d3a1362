import type { JSX } from 'preact';
import type { Attempt } from '../../api/attempt.ts';
import { durationText } from '../parts/time.tsx';
import { outcomeLook } from './outcomes.ts';
import { backoffOf, ranFrom, type Row } from './rows.ts';
import type { Scale } from './scale.ts';

const ROW_HEIGHT = 30;
const BAR = { top: 8, height: 14 } as const;
/** Whatever lasted shorter is still to be seen. */
const NARROWEST = 3;
/** More bars than this in a row are drawn as one shape for each tone: thousands of elements would make the page slow. */
const MOST_BARS = 60;

interface BarsProps {
  readonly row: Row;
  readonly scale: Scale;
  readonly width: number;
  readonly nowMs: number;
  /** Number of the attempt that is looked at. */
  readonly chosen: number | undefined;
}

interface Drawn {
  readonly attempt: Attempt;
  readonly x: number;
  readonly width: number;
  readonly queuedX: number;
  readonly backoff: { readonly x: number; readonly width: number } | undefined;
}

function drawnOf({ row: { attempts }, scale, width, nowMs }: BarsProps): readonly Drawn[] {
  const px = (ms: number): number => Math.round(scale.at(ms) * width * 10) / 10;
  return attempts.map((attempt, at) => {
    const x = Math.min(px(ranFrom(attempt)), width - NARROWEST);
    const backoff = backoffOf(attempt, attempts[at + 1], nowMs);
    return {
      attempt,
      x,
      width: Math.max(NARROWEST, px(attempt.endedAtMs ?? nowMs) - x),
      queuedX: px(attempt.queuedAtMs),
      backoff: backoff === undefined ? undefined : { x: px(backoff.fromMs), width: Math.max(0, px(backoff.toMs) - px(backoff.fromMs)) },
    };
  });
}

function box(x: number, width: number): string {
  return `M${x} ${BAR.top}h${width}v${BAR.height}h${-width}z`;
}

/** One shape for all bars of a tone. */
function Merged({ drawn }: { readonly drawn: readonly Drawn[] }): JSX.Element {
  const tones = new Map<string, string>();
  let waits = '';
  for (const { attempt, x, width, backoff } of drawn) {
    const { tone } = outcomeLook(attempt);
    tones.set(tone, (tones.get(tone) ?? '') + box(x, width));
    if (backoff !== undefined && backoff.width > 1) waits += `M${backoff.x} ${BAR.top + BAR.height / 2}h${backoff.width}`;
  }
  return (
    <>
      <path class="backoff" d={waits} />
      {[...tones].map(([tone, path]) => (
        <path key={tone} class={`bar tone-${tone}`} d={path} />
      ))}
    </>
  );
}

function Single({ drawn, chosen }: { readonly drawn: readonly Drawn[]; readonly chosen: number | undefined }): JSX.Element {
  return (
    <>
      {drawn.map(({ attempt, x, width, queuedX, backoff }) => {
        const { tone, word } = outcomeLook(attempt);
        const took = attempt.endedAtMs === null ? '' : `, ${durationText(attempt.endedAtMs - ranFrom(attempt))}`;
        return (
          <g key={`${attempt.attempt} ${attempt.queuedAtMs}`}>
            {x - queuedX > 1 && <rect class="queued" x={queuedX} y={BAR.top + 4} width={x - queuedX} height={BAR.height - 8} />}
            {backoff !== undefined && <path class="backoff" d={`M${backoff.x} ${BAR.top + BAR.height / 2}h${backoff.width}`} />}
            <rect
              class={`bar tone-${tone} outcome-${attempt.outcome}${attempt.attempt === chosen ? ' chosen' : ''}`}
              x={x}
              y={BAR.top}
              width={width}
              height={BAR.height}
              rx={2.5}
            >
              <title>{`Attempt ${attempt.attempt}: ${word}${took}`}</title>
            </rect>
          </g>
        );
      })}
    </>
  );
}

export function Bars(props: BarsProps): JSX.Element {
  const drawn = drawnOf(props);
  const { width, scale, chosen } = props;
  return (
    <svg class="bars" width={width} height={ROW_HEIGHT} viewBox={`0 0 ${width} ${ROW_HEIGHT}`} aria-hidden="true">
      {scale.breaks.slice(0, MOST_BARS).map(({ from, to, fromMs }) => (
        <rect key={fromMs} class="break" x={from * width} y={0} width={(to - from) * width} height={ROW_HEIGHT} />
      ))}
      {drawn.length > MOST_BARS ? <Merged drawn={drawn} /> : <Single drawn={drawn} chosen={chosen} />}
    </svg>
  );
}
