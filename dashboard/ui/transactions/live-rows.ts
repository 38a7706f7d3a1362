import { useCallback, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Change } from '../../api/changes.ts';
import type { TransactionPage, TransactionRow } from '../../api/transactions.ts';
import { useLoaded, type Loaded } from '../browser/api.ts';
import { useChanges } from '../browser/live.ts';
import { useSettled } from '../browser/settled.ts';
import { contradictionIn, couldMatch, listQuery, type TypedFilter } from './filter.ts';

const LIMIT = 50;
/** However much happens, the list is asked for no more often than this. */
const EVERY_MS = 1_500;

/** Of a filter that nothing can match: it needn't be asked for. */
const NOTHING: TransactionPage = { transactions: [], nextCursor: null };

export interface LiveRows extends Pick<Loaded<TransactionPage>, 'data' | 'error' | 'loading' | 'reload'> {
  readonly rows: readonly TransactionRow[];
  readonly changed: ReadonlySet<string>;
  /** Rows that came while somebody was busy in the list. */
  readonly fresh: number;
  /** Shows them. */
  readonly showFresh: () => void;
  /** Nobody may be busy any more. */
  readonly rest: () => void;
}

/** Somebody reads or walks the list: its rows must not move under them. */
function isBusy(): boolean {
  return document.querySelector('.transactions tbody:hover, .transactions tbody:focus-within') !== null;
}

interface Shown {
  readonly of: string | undefined;
  readonly rows: readonly TransactionRow[];
}

/** A page of the list; what changes in it is shown at once, what comes new as soon as it disturbs nobody. */
export function useLiveRows(filter: TypedFilter, cursor: string | undefined): LiveRows {
  const query = listQuery(filter, cursor, LIMIT);
  const isPossible = contradictionIn(filter) === undefined;
  const loaded = useLoaded<TransactionPage>(isPossible ? `transactions?${query}` : undefined, { keep: true });
  const { error, reload } = loaded;
  const of = isPossible ? loaded.of : query;
  const loading = isPossible && loaded.loading;
  const data = isPossible ? loaded.data : NOTHING;
  const soon = useSettled(reload, EVERY_MS);
  const [patches, setPatches] = useState<ReadonlyMap<string, Change>>(new Map());
  const [shown, setShown] = useState<Shown>({ of: undefined, rows: [] });
  const latest = useRef<Shown>(shown);
  latest.current = { of, rows: data?.transactions ?? [] };
  const current = useRef({ filter, cursor, shown });
  current.current = { filter, cursor, shown };

  const showFresh = useCallback(() => setShown(latest.current), []);
  const rest = useCallback(() => {
    // In the next frame the focus and the pointer are where they go.
    requestAnimationFrame(() => {
      if (!isBusy()) setShown(latest.current);
    });
  }, []);
  useLayoutEffect(() => {
    setShown((old) => (old.of === of && isBusy() ? old : { of, rows: data?.transactions ?? [] }));
    if (current.current.shown.of !== of) setPatches(new Map());
  }, [data, of]);

  const changed = useCallback(
    (change: Change) => {
      const { filter, cursor, shown } = current.current;
      const isShown = shown.rows.some(({ id }) => id === change.id);
      if (isShown) setPatches((old) => new Map(old).set(change.id, change));
      if (isShown || (cursor === undefined && couldMatch(filter, change))) soon();
    },
    [soon],
  );
  useChanges(changed, soon);

  const answered = new Map(data?.transactions.map((row) => [row.id, row]));
  const rows = shown.rows.map((old) => {
    const row = answered.get(old.id) ?? old;
    const patch = patches.get(row.id);
    return patch === undefined || patch.version <= row.version ? row : { ...row, status: patch.status, version: patch.version };
  });
  const known = new Set(shown.rows.map(({ id }) => id));
  const fresh = shown.of === of ? [...answered.keys()].filter((id) => !known.has(id)).length : 0;
  return { data, rows, error, loading, reload, changed: new Set(patches.keys()), fresh, showFresh, rest };
}
