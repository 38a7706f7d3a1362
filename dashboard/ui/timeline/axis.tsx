import type { JSX } from 'preact';
import { ageText, durationText } from '../parts/time.tsx';
import { ticksOf, type Scale } from './scale.ts';

const HEIGHT = 24;
const TICK_PX = 86;
const BREAK_PX = 44;

function pauseText(ms: number): string {
  return ms < 60_000 ? durationText(ms) : ageText(ms);
}

/** Time since the start, and how long the pauses were that are drawn short. */
export function Axis({ scale, width }: { readonly scale: Scale; readonly width: number }): JSX.Element {
  const texts = ticksOf(scale, TICK_PX / Math.max(width, TICK_PX)).map((ms) => [ms, ms === 0 ? '0' : `+${durationText(ms)}`] as const);
  // Around a long pause, moments that lie far apart in the drawing may have the same name.
  const ticks = texts.filter(([, text], at) => text !== texts[at - 1]?.[1]);
  const named = scale.breaks.filter(({ from, to }) => (to - from) * width >= BREAK_PX);
  return (
    <svg class="axis" width={width} height={HEIGHT} viewBox={`0 0 ${width} ${HEIGHT}`} aria-hidden="true">
      {named.map(({ from, to, fromMs, toMs }) => (
        <text key={fromMs} class="pause" x={((from + to) / 2) * width} y={15} text-anchor="middle">
          {pauseText(toMs - fromMs)}
        </text>
      ))}
      {ticks
        .filter(
          ([ms]) =>
            !named.some(
              ({ from, to }) =>
                scale.at(scale.fromMs + ms) * width > from * width - TICK_PX / 2 && scale.at(scale.fromMs + ms) * width < to * width + 4,
            ),
        )
        .map(([ms, text]) => {
          const x = scale.at(scale.fromMs + ms) * width;
          return (
            <g key={ms}>
              <path d={`M${x + 0.5} 0v${HEIGHT}`} />
              <text x={x + 4} y={15}>
                {text}
              </text>
            </g>
          );
        })}
    </svg>
  );
}
