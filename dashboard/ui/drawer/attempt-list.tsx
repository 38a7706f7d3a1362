import type { JSX } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Attempt } from '../../api/attempt.ts';
import { ShapeMark } from '../parts/shape.tsx';
import { clockText, durationText } from '../parts/time.tsx';
import { outcomeLook } from '../timeline/outcomes.ts';
import { ranFrom } from '../timeline/rows.ts';
import { useUnserved } from '../timeline/unserved.ts';
import { transactionAddress } from '../transaction/place.ts';

const ROW_PX = 34;
const SEEN_PX = 204;
/** Rows drawn above and below those that are seen. They follow the focus at once, so that j and k always find the next one. */
const MARGIN_ROWS = 6;

interface AttemptListProps {
  readonly id: string;
  /** Oldest first. */
  readonly attempts: readonly Attempt[];
  readonly chosen: number | undefined;
}

/** Newest first; of thousands only those that are seen are drawn. */
export function AttemptList({ id, attempts, chosen }: AttemptListProps): JSX.Element {
  const unserved = useUnserved();
  const box = useRef<HTMLDivElement>(null);
  const space = useRef<HTMLOListElement>(null);
  const [top, setTop] = useState(0);
  const newest = [...attempts].reverse();
  const first = Math.max(0, Math.floor(top / ROW_PX) - MARGIN_ROWS);
  const shown = newest.slice(first, first + Math.ceil(SEEN_PX / ROW_PX) + 2 * MARGIN_ROWS);
  // Set by script: the page's policy allows no style in the markup. Before anything measures where the rows are.
  useLayoutEffect(() => {
    space.current?.style.setProperty('--rows', String(newest.length));
    space.current?.style.setProperty('--first', String(first));
  }, [newest.length, first]);
  const at = newest.findIndex(({ attempt }) => attempt === chosen);
  // After the rows above have their place, and again when there are more of them: a shorter list could not be scrolled so far.
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null || at < 0) return;
    const y = at * ROW_PX;
    if (y >= element.scrollTop && y + ROW_PX <= element.scrollTop + element.clientHeight) return;
    element.scrollTop = Math.max(0, y - SEEN_PX / 2);
    setTop(element.scrollTop);
  }, [at, newest.length]);
  return (
    <div class="attempts" ref={box} onScroll={({ currentTarget }) => setTop(currentTarget.scrollTop)}>
      <ol ref={space}>
        {shown.map((attempt, row) => {
          const { tone, shape, word } = outcomeLook(attempt, unserved);
          return (
            <li key={`${attempt.attempt} ${attempt.queuedAtMs}`} data-row onFocusIn={() => setTop((first + row) * ROW_PX - SEEN_PX / 2)}>
              <a
                class={`tone-${tone}`}
                href={transactionAddress(id, attempt)}
                aria-current={attempt.attempt === chosen ? 'true' : undefined}
              >
                <ShapeMark shape={shape} />
                <span class="number">{attempt.attempt}</span>
                <span class="word">{word}</span>
                <span class="muted small number">
                  {attempt.endedAtMs === null ? '' : durationText(attempt.endedAtMs - ranFrom(attempt))}
                </span>
                <span class="muted small number">{clockText(ranFrom(attempt))}</span>
              </a>
            </li>
          );
        })}
      </ol>
    </div>
  );
}
