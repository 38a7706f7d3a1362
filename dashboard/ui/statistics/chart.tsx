import type { JSX } from 'preact';
import { useRef } from 'preact/hooks';
import type { Statistics } from '../../api/statistics.ts';
import { clockText } from '../parts/time.tsx';
import { Part, Patterns } from './patterns.tsx';
import { useWidth } from '../timeline/width.ts';

type Bucket = Statistics['buckets'][number];

const HEIGHT = 150;
const FOOT = 20;
const SIDE = 34;

/** From the ground up. */
const PARTS = [
  { name: 'succeeded', tone: 'good', word: 'completed or confirmed' },
  { name: 'undone', tone: 'undo', word: 'compensated or cancelled' },
  { name: 'stuck', tone: 'bad', word: 'stuck' },
  { name: 'terminated', tone: 'done', word: 'terminated' },
] as const;

function openOf(bucket: Bucket): number {
  return Math.max(0, bucket.started - PARTS.reduce((sum, { name }) => sum + bucket[name], 0));
}

/** A round number not below it. */
function roundUp(count: number): number {
  const unit = 10 ** Math.floor(Math.log10(Math.max(1, count)));
  return ([1, 2, 4, 5, 10].find((factor) => factor * unit >= count) ?? 10) * unit;
}

/** How many started in each part of the window, and what became of them. The table below says the same in numbers. */
export function StartsChart({ buckets }: { readonly buckets: readonly Bucket[] }): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const top = roundUp(Math.max(1, ...buckets.map(({ started }) => started)));
  const inner = HEIGHT - FOOT - 8;
  const y = (count: number): number => 8 + inner - (count / top) * inner;
  const step = (width - SIDE) / Math.max(1, buckets.length);
  const first = buckets[0];
  const last = buckets.at(-1);
  return (
    <figure class="chart">
      <div ref={box}>
        {width > 0 && (
          <svg
            width={width}
            height={HEIGHT}
            viewBox={`0 0 ${width} ${HEIGHT}`}
            role="img"
            aria-label="Transactions started over time, by outcome"
          >
            <Patterns />
            {[0, 0.5, 1].map((share) => (
              <g key={share} class="grid">
                <path d={`M${SIDE} ${Math.round(y(top * share)) + 0.5}H${width}`} />
                {(share !== 0.5 || top % 2 === 0) && (
                  <text x={SIDE - 6} y={y(top * share) + 4} text-anchor="end">
                    {(top * share).toLocaleString('en')}
                  </text>
                )}
              </g>
            ))}
            {buckets.map((bucket, at) => {
              const x = SIDE + at * step + 1;
              let ground = 0;
              const parts = [...PARTS.map(({ name, tone }) => [tone, bucket[name]] as const), ['busy', openOf(bucket)] as const];
              return (
                <g key={bucket.fromMs}>
                  <title>{`${clockText(bucket.fromMs)}: ${bucket.started} started, ${bucket.undone} undone, ${bucket.stuck} stuck`}</title>
                  {parts.map(([tone, count]) => {
                    if (count === 0) return null;
                    ground += count;
                    return (
                      <Part
                        key={tone}
                        tone={tone}
                        x={x}
                        y={y(ground)}
                        width={Math.max(1, step - 2)}
                        height={y(ground - count) - y(ground)}
                      />
                    );
                  })}
                </g>
              );
            })}
            {first !== undefined && last !== undefined && (
              <g class="grid">
                <text x={SIDE} y={HEIGHT - 4}>
                  {clockText(first.fromMs)}
                </text>
                <text x={width} y={HEIGHT - 4} text-anchor="end">
                  {clockText(last.fromMs)}
                </text>
              </g>
            )}
          </svg>
        )}
      </div>
      <figcaption>
        <ul class="bar-legend small">
          {[...PARTS, { tone: 'busy', word: 'not ended' }].map(({ tone, word }) => (
            <li key={tone}>
              <svg width="14" height="12" aria-hidden="true">
                <Part tone={tone} x={0.5} y={0.5} width={13} height={11} />
              </svg>
              {word}
            </li>
          ))}
        </ul>
      </figcaption>
    </figure>
  );
}

/** A share as a bar beside its number. */
export function Share({ share, tone }: { readonly share: number; readonly tone: string }): JSX.Element {
  return (
    <svg class={`share tone-${tone}`} viewBox="0 0 60 6" width="60" height="6" aria-hidden="true">
      <rect class="all" width="60" height="6" rx="3" />
      <rect class="part" width={share === 0 ? 0 : Math.max(2, share * 60)} height="6" rx="3" />
    </svg>
  );
}
