import type { JSX } from 'preact';
import { useCallback, useEffect, useId } from 'preact/hooks';
import type { SagaStatistics, Statistics } from '../../api/statistics.ts';
import { useLoaded } from '../browser/api.ts';
import { useChanges } from '../browser/live.ts';
import { addressOf, go } from '../browser/place.ts';
import { useSettled } from '../browser/settled.ts';
import { Empty, Failure, Loading } from '../parts/messages.tsx';
import { At, durationText } from '../parts/time.tsx';
import { Share, StartsChart } from './chart.tsx';

const WINDOWS: readonly (readonly [ms: number, text: string])[] = [
  [900_000, '15 minutes'],
  [3_600_000, 'hour'],
  [21_600_000, '6 hours'],
  [86_400_000, '24 hours'],
  [604_800_000, '7 days'],
];
const EVERY_MS = 5_000;
const DEFAULT_WINDOW_MS = 3_600_000;

function rateText(perSecond: number): string {
  if (perSecond >= 1) return `${perSecond.toFixed(1)}/s`;
  if (perSecond * 60 >= 1) return `${(perSecond * 60).toFixed(1)}/min`;
  return `${(perSecond * 3_600).toFixed(1)}/h`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;
}

function SagaRow({ saga: one }: { readonly saga: SagaStatistics }): JSX.Element {
  const { saga, kind, started, stuck, startedPerSecond, p50Ms, p95Ms, undoRate } = one;
  return (
    <tr data-row>
      <td class="break">
        <a href={addressOf(['transactions'], { saga })}>{saga}</a> {kind === 'tcc' && <span class="tag">TCC</span>}
      </td>
      <td class="number">{started.toLocaleString('en')}</td>
      <td class="number">{rateText(startedPerSecond)}</td>
      <td class="number">{p50Ms === null ? '–' : durationText(p50Ms)}</td>
      <td class="number">{p95Ms === null ? '–' : durationText(p95Ms)}</td>
      <td class="number">
        {undoRate === null ? (
          '–'
        ) : (
          <span class="with-share">
            <Share share={undoRate} tone="undo" /> {percent(undoRate)}
          </span>
        )}
      </td>
      <td class="number">
        {stuck === 0 ? (
          <span class="muted">0</span>
        ) : (
          <a class="bad-text" href={addressOf(['transactions'], { saga, status: 'stuck' })}>
            {stuck.toLocaleString('en')}
          </a>
        )}
      </td>
    </tr>
  );
}

export function StatisticsPage({ query }: { readonly query: URLSearchParams }): JSX.Element {
  const given = Number(query.get('windowMs') ?? DEFAULT_WINDOW_MS);
  const windowMs = WINDOWS.some(([ms]) => ms === given) ? given : DEFAULT_WINDOW_MS;
  const { data, error, loading, reload } = useLoaded<Statistics>(`statistics?windowMs=${windowMs}`, { keep: true });
  const soon = useSettled(reload, 3_000);
  const changed = useCallback(() => soon(), [soon]);
  useChanges(changed, soon);
  // The window moves on also when nothing happens.
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) reload();
    }, EVERY_MS);
    return () => clearInterval(timer);
  }, [reload]);
  const id = useId();
  return (
    <>
      <div class="page-head">
        <h1>Statistics</h1>
        <div class="after spread tight">
          <label for={id} class="muted">
            Of the last
          </label>
          <div>
            <select
              id={id}
              data-filter
              value={String(windowMs)}
              onChange={({ currentTarget }) => go(addressOf(['statistics'], { windowMs: currentTarget.value }))}
            >
              {WINDOWS.map(([ms, text]) => (
                <option key={ms} value={String(ms)}>
                  {text}
                </option>
              ))}
            </select>
          </div>
        </div>
      </div>
      {error !== undefined && <Failure error={error} retry={reload} />}
      {loading && data === undefined && <Loading what="the statistics" />}
      {data !== undefined && data.count === 0 && (
        <div class="panel">
          <Empty title="Nothing started in this time">
            <p>Rates, durations and how often each saga is undone stand here as soon as something is started. Look further back above.</p>
          </Empty>
        </div>
      )}
      {data !== undefined && data.count > 0 && (
        <div class="stack">
          <section class="panel" aria-labelledby="starts-heading">
            <div class="panel-head">
              <h2 id="starts-heading">Started, and what became of it</h2>
              <span class="muted number">{data.count.toLocaleString('en')} transactions</span>
              {data.coveredFromMs > data.fromMs && (
                <span class="muted">
                  , the newest ones: since <At ms={data.coveredFromMs} />
                </span>
              )}
            </div>
            <StartsChart buckets={data.buckets} />
          </section>
          <section class="panel" aria-label="By saga">
            <div class="table by-saga">
              <table>
                <thead>
                  <tr>
                    <th scope="col">Saga</th>
                    <th scope="col" class="number">
                      Started
                    </th>
                    <th scope="col" class="number">
                      Rate
                    </th>
                    <th scope="col" class="number">
                      <abbr title="Half of those that ended took no longer">p50</abbr>
                    </th>
                    <th scope="col" class="number">
                      <abbr title="19 of 20 of those that ended took no longer">p95</abbr>
                    </th>
                    <th scope="col" class="number">
                      Undone
                    </th>
                    <th scope="col" class="number">
                      Stuck
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {data.sagas.map((saga) => (
                    <SagaRow key={saga.saga} saga={saga} />
                  ))}
                </tbody>
              </table>
            </div>
          </section>
        </div>
      )}
    </>
  );
}
