import type { JSX } from 'preact';
import { useMemo, useRef, useState } from 'preact/hooks';
import type { Transaction } from '../../api/transaction.ts';
import { useNow } from '../browser/clock.ts';
import { Empty } from '../parts/messages.tsx';
import { ShapeMark } from '../parts/shape.tsx';
import { counted } from '../parts/words.ts';
import { transactionAddress, type Looked } from '../transaction/place.ts';
import { operationText } from '../transaction/summary.ts';
import { Axis } from './axis.tsx';
import { Bars } from './bars.tsx';
import type { KnownAttempts } from './attempts.ts';
import { BarKeys } from './marks.tsx';
import { outcomeLook, type Unserved } from './outcomes.ts';
import { isOpen, rowsOf, ranFrom, type Row } from './rows.ts';
import { scaleOf } from './scale.ts';
import { useUnserved } from './unserved.ts';
import { useWidth } from './width.ts';

const TICK_MS = 400;
/** Of a saga with hundreds of operations; the others come when somebody asks. */
const FIRST_ROWS = 60;

function textOf({ attempts }: Row, unserved: Unserved): string {
  const failed = attempts.filter(({ outcome }) => outcome !== 'succeeded' && outcome !== 'open').length;
  const last = attempts.at(-1)!;
  const { word } = outcomeLook(last, unserved);
  return failed === 0 ? word : `${word}; ${counted(failed, 'attempt')} failed`;
}

interface TimelineProps {
  readonly transaction: Transaction;
  readonly known: KnownAttempts;
  readonly looked: Looked | undefined;
}

/** Every attempt at every operation: in the queue, running, backing off, undoing. */
export function Timeline({ transaction, known, looked }: TimelineProps): JSX.Element {
  const { id, kind } = transaction;
  const { attempts, omitted } = known;
  const unserved = useUnserved();
  const rows = useMemo(() => rowsOf(attempts), [attempts]);
  const live =
    attempts.some((attempt) => isOpen(attempt) || attempt.backoffUntilMs !== null) &&
    transaction.endedAtMs === null &&
    transaction.status !== 'stuck';
  const nowMs = useNow(live ? TICK_MS : null);
  const [all, setAll] = useState(false);
  const column = useRef<HTMLDivElement>(null);
  const width = useWidth(column);
  const scale = useMemo(() => {
    const spans = attempts.map((attempt) => ({
      fromMs: attempt.queuedAtMs,
      toMs: attempt.endedAtMs ?? Math.max(nowMs, ranFrom(attempt) + 1),
    }));
    return scaleOf(spans);
  }, [attempts, nowMs]);
  const shown = all ? rows : rows.slice(0, FIRST_ROWS);
  return (
    <section class="panel timeline" aria-labelledby="timeline-heading">
      <div class="panel-head">
        <h2 id="timeline-heading">Timeline</h2>
        <span class="muted">
          {counted(attempts.length + omitted, 'attempt')}
          {omitted > 0 && `, the last ${attempts.length.toLocaleString('en')} drawn`}
        </span>
        <BarKeys />
      </div>
      {rows.length === 0 ? (
        <Empty title="Nothing was attempted yet" shape="clock">
          <p>Each attempt at a step stands here, with how long it was queued, worked and backed off. So far there was nothing to run.</p>
        </Empty>
      ) : (
        <div class="timeline-grid">
          <div class="timeline-line head">
            <span />
            <div ref={column}>{width > 0 && <Axis scale={scale} width={width} />}</div>
          </div>
          <ol>
            {shown.map((row) => {
              const look = outcomeLook(row.attempts.at(-1)!, unserved);
              const chosen = looked?.step === row.step && looked.op === row.op;
              return (
                <li key={row.key} class={`timeline-line${chosen ? ' chosen' : ''}`} data-row>
                  <a
                    class={`timeline-name tone-${look.tone}`}
                    href={transactionAddress(id, row)}
                    title={`${operationText(kind, row.step, row.op)}: ${textOf(row, unserved)}`}
                  >
                    <ShapeMark shape={look.shape} />
                    <span class="name">{operationText(kind, row.step, row.op)}</span>
                    {row.attempts.length > 1 && <span class="small muted number">×{row.attempts.length}</span>}
                    <span class="unseen">, {textOf(row, unserved)}</span>
                  </a>
                  <div>
                    {width > 0 && (
                      <Bars
                        row={row}
                        scale={scale}
                        width={width}
                        nowMs={nowMs}
                        unserved={unserved}
                        chosen={chosen ? looked.attempt : undefined}
                      />
                    )}
                  </div>
                </li>
              );
            })}
          </ol>
          {rows.length > shown.length && (
            <p class="more">
              <button type="button" class="button" onClick={() => setAll(true)}>
                Show the other {counted(rows.length - shown.length, 'operation')}
              </button>
            </p>
          )}
        </div>
      )}
    </section>
  );
}
