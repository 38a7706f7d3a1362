import type { JSX } from 'preact';
import { useMemo, useRef, useState } from 'preact/hooks';
import { go } from '../browser/place.ts';
import { useSession } from '../browser/session.ts';
import { BulkDialog } from '../bulk/dialog.tsx';
import { BulkProgress } from '../bulk/progress.tsx';
import { useBulks } from '../bulk/bulks.ts';
import { Empty, Failure, Loading } from '../parts/messages.tsx';
import { conditionsOf, listAddress, tagProblem, typedFilter } from './filter.ts';
import { FilterBar } from './filter-bar.tsx';
import { useLiveRows } from './live-rows.ts';
import { Rows } from './rows.tsx';

function NothingHere({ filtered }: { readonly filtered: boolean }): JSX.Element {
  if (filtered) {
    return (
      <Empty title="No transaction matches this filter">
        <p>Take a condition away, or look at another time. All conditions must be true at once; a status is one of those chosen.</p>
        <a class="button" href={listAddress({ texts: {}, status: [], tag: [] })}>
          Clear filter
        </a>
      </Empty>
    );
  }
  return (
    <Empty title="No transactions yet" shape="forward" tone="busy">
      <p>As soon as a saga is started it stands here, and its row follows what happens to it.</p>
      <pre>
        <code>{"await amends.start(order, { sku: 'mug' }, { id: 'order-1' });"}</code>
      </pre>
    </Empty>
  );
}

export function TransactionsPage({ query }: { readonly query: URLSearchParams }): JSX.Element {
  const text = query.toString();
  const filter = useMemo(() => typedFilter(new URLSearchParams(text)), [text]);
  const problem = tagProblem(filter);
  const cursor = query.get('cursor') ?? undefined;
  const { data, rows, error, loading, reload, changed, fresh, showFresh, rest } = useLiveRows(filter, cursor);
  const session = useSession();
  // A link may ask for it at once: the inbox has one for each group.
  const [bulk, setBulk] = useState(query.has('bulk'));
  const { bulks, refresh } = useBulks();
  const closeBulk = (): void => {
    setBulk(false);
    if (query.has('bulk')) go(listAddress(filter), { replace: true });
  };
  const seen = useRef(new Set<string>());
  for (const { saga } of rows) seen.current.add(saga);

  return (
    <>
      <div class="page-head">
        <h1>Transactions</h1>
        <div class="after spread">
          {session?.mayBulk === true && (
            <button
              type="button"
              class="button"
              onClick={() => setBulk(true)}
              disabled={rows.length === 0 || problem !== undefined}
              title={problem}
            >
              Bulk action…
            </button>
          )}
        </div>
      </div>
      {bulks.map((bulk) => (
        <BulkProgress key={bulk.id} bulk={bulk} refresh={refresh} />
      ))}
      <FilterBar filter={filter} sagas={[...seen.current].sort()} />
      {error !== undefined && <Failure error={error} retry={reload} />}
      <section class="panel list" aria-label="Transactions" aria-busy={loading} onMouseLeave={rest} onFocusOut={rest}>
        {loading && data === undefined && <Loading what="transactions" />}
        {fresh > 0 && (
          <button type="button" class="fresh" onClick={showFresh}>
            Show {fresh} new
          </button>
        )}
        {rows.length > 0 && <Rows rows={rows} changed={changed} />}
        {data !== undefined && data.transactions.length === 0 && data.nextCursor === null && (
          <NothingHere filtered={conditionsOf(filter) > 0 || cursor !== undefined} />
        )}
        {data !== undefined && data.transactions.length === 0 && data.nextCursor !== null && (
          <Empty title="None among those looked at so far">
            <p>A rare match may be further back: look on.</p>
          </Empty>
        )}
      </section>
      {data !== undefined && (data.nextCursor !== null || cursor !== undefined) && (
        <nav class="paging" aria-label="Pages of the list">
          {cursor !== undefined && (
            <a class="button" href={listAddress(filter)}>
              Newest
            </a>
          )}
          {data.nextCursor !== null && (
            <a class="button" rel="next" href={listAddress(filter, data.nextCursor)}>
              Older
            </a>
          )}
        </nav>
      )}
      {bulk && problem === undefined && session !== undefined && <BulkDialog filter={filter} onClose={closeBulk} onStarted={refresh} />}
    </>
  );
}
