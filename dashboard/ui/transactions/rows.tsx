import type { JSX } from 'preact';
import type { TransactionRow } from '../../api/transactions.ts';
import { useNow } from '../browser/clock.ts';
import { addressOf } from '../browser/place.ts';
import { Badge, STATUS_LOOKS } from '../parts/status.tsx';
import { Ago, ageText, durationText } from '../parts/time.tsx';

function Took({ row }: { readonly row: TransactionRow }): JSX.Element {
  const now = useNow(row.endedAtMs === null ? 1_000 : null);
  if (row.endedAtMs !== null) return <span class="at">{durationText(row.endedAtMs - row.startedAtMs)}</span>;
  return <span class="at">{ageText(now - row.startedAtMs)} so far</span>;
}

interface RowsProps {
  readonly rows: readonly TransactionRow[];
  /** Changed since they were shown. */
  readonly changed: ReadonlySet<string>;
}

export function Rows({ rows, changed }: RowsProps): JSX.Element {
  return (
    <table class="transactions">
      <thead>
        <tr>
          <th scope="col">Status</th>
          <th scope="col">Transaction</th>
          <th scope="col">Saga</th>
          <th scope="col">Why</th>
          <th scope="col">Started</th>
          <th scope="col" class="number">
            Took
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.id} class={changed.has(row.id) ? 'changed' : undefined} data-row data-status={row.status}>
            <td class="cell-status">
              <Badge look={STATUS_LOOKS[row.status]} />
            </td>
            <td class="cell-id">
              <div class="id-line">
                <a class="id whole-row" href={addressOf(['transactions', row.id])}>
                  {row.id}
                </a>
                {Object.keys(row.tags).length > 0 && (
                  <div class="tags">
                    {Object.entries(row.tags).map(([name, value]) => (
                      <a
                        key={name}
                        class="tag"
                        tabIndex={-1}
                        href={addressOf(['transactions'], { tag: `${name}=${value}` })}
                        title={`Only those with ${name}=${value}`}
                      >
                        {name}={value}
                      </a>
                    ))}
                  </div>
                )}
              </div>
            </td>
            <td class="cell-saga break">
              {row.saga} <span class="muted small">v{row.definitionVersion}</span>
              {row.kind === 'tcc' && (
                <>
                  {' '}
                  <span class="tag">TCC</span>
                </>
              )}
            </td>
            <td class="cell-error">{row.error !== null && <span class="clamp break">{row.error}</span>}</td>
            <td class="cell-started muted">
              <Ago ms={row.startedAtMs} />
            </td>
            <td class="cell-took number muted">
              <Took row={row} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
