import type { JSX } from 'preact';
import type { Attempt } from '../../api/attempt.ts';
import { durationText } from '../parts/time.tsx';
import type { Look } from '../parts/tone.ts';
import { BAR, barPath, isHollow } from './marks.tsx';
import { outcomeLook, type Unserved } from './outcomes.ts';
import { backoffOf, ranFrom, type Row } from './rows.ts';
import type { Scale } from './scale.ts';

const ROW_HEIGHT = 30;
const MIDDLE = BAR.top + BAR.height / 2;
/** Whatever lasted shorter is still to be seen. */
const NARROWEST = 3;
/** More bars than this in a row are drawn as one path for each outcome: thousands of elements would make the page slow. */
const MOST_BARS = 60;

interface BarsProps {
  readonly row: Row;
  readonly scale: Scale;
  readonly width: number;
  readonly nowMs: number;
  readonly unserved: Unserved;
  /** Number of the attempt that is looked at. */
  readonly chosen: number | undefined;
}

interface Drawn {
  readonly attempt: Attempt;
  readonly look: Look;
  /** It stands in the queue, or waits to: there is no bar of it yet. */
  readonly isWaiting: boolean;
  readonly x: number;
  readonly width: number;
  readonly queuedX: number;
  readonly backoff: { readonly x: number; readonly width: number } | undefined;
}

function drawnOf({ row: { attempts }, scale, width, nowMs, unserved }: BarsProps): readonly Drawn[] {
  const px = (ms: number): number => Math.round(scale.at(ms) * width * 10) / 10;
  return attempts.map((attempt, at) => {
    const look = outcomeLook(attempt, unserved);
    const isWaiting = attempt.outcome === 'open' && !isHollow(look.shape);
    const x = isWaiting ? px(Math.max(nowMs, attempt.queuedAtMs)) : Math.min(px(ranFrom(attempt)), width - NARROWEST);
    const backoff = backoffOf(attempt, attempts[at + 1], nowMs);
    return {
      attempt,
      look,
      isWaiting,
      x,
      width: Math.max(NARROWEST, px(attempt.endedAtMs ?? nowMs) - x),
      queuedX: px(attempt.queuedAtMs),
      backoff: backoff === undefined ? undefined : { x: px(backoff.fromMs), width: Math.max(0, px(backoff.toMs) - px(backoff.fromMs)) },
    };
  });
}

/** One path for all bars that went alike. */
function Merged({ drawn }: { readonly drawn: readonly Drawn[] }): JSX.Element {
  const paths = new Map<string, { readonly look: Look; path: string }>();
  let waits = '';
  for (const { look, isWaiting, x, width, backoff } of drawn) {
    if (backoff !== undefined && backoff.width > 1) waits += `M${backoff.x} ${MIDDLE}h${backoff.width}`;
    if (isWaiting) continue;
    const key = `${look.tone} ${look.shape}`;
    const known = paths.get(key) ?? { look, path: '' };
    known.path += barPath(look.shape, x, width);
    paths.set(key, known);
  }
  return (
    <>
      <path class="backoff" d={waits} />
      {[...paths].map(([key, { look, path }]) => (
        <path key={key} class={`bar tone-${look.tone}${isHollow(look.shape) ? ' hollow' : ''}`} d={path} />
      ))}
    </>
  );
}

function Single({ drawn, chosen }: { readonly drawn: readonly Drawn[]; readonly chosen: number | undefined }): JSX.Element {
  return (
    <>
      {drawn.map(({ attempt, look, isWaiting, x, width, queuedX, backoff }) => {
        const { tone, shape, word } = look;
        const took = attempt.endedAtMs === null ? '' : `, ${durationText(attempt.endedAtMs - ranFrom(attempt))}`;
        const title = <title>{`Attempt ${attempt.attempt}: ${word}${took}`}</title>;
        return (
          <g key={`${attempt.attempt} ${attempt.queuedAtMs}`}>
            {x - queuedX > 1 && <path class={`queued tone-${isWaiting ? tone : 'wait'}`} d={`M${queuedX} ${MIDDLE}h${x - queuedX}`} />}
            {backoff !== undefined && <path class="backoff" d={`M${backoff.x} ${MIDDLE}h${backoff.width}`} />}
            {!isWaiting && attempt.attempt === chosen && (
              <rect class="chosen" x={x - 3} y={BAR.top - 3} width={width + 6} height={BAR.height + 6} rx={4} />
            )}
            {!isWaiting && (
              <path class={`bar tone-${tone}${isHollow(shape) ? ' hollow' : ''}`} d={barPath(shape, x, width)}>
                {title}
              </path>
            )}
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
