import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import type { Change } from '../../api/changes.ts';
import type { TransactionPage, TransactionRow } from '../../api/transactions.ts';
import { useLoaded, type Loaded } from '../browser/api.ts';
import { useChanges } from '../browser/live.ts';
import { useSettled } from '../browser/settled.ts';
import { couldMatch, listQuery, type TypedFilter } from './filter.ts';

const LIMIT = 50;
/** However much happens, the list is asked for no more often than this. */
const EVERY_MS = 1_500;

export interface LiveRows extends Pick<Loaded<TransactionPage>, 'data' | 'error' | 'loading' | 'reload'> {
  readonly rows: readonly TransactionRow[];
  readonly changed: ReadonlySet<string>;
  /** Transactions that came while somebody was busy in the list. */
  readonly fresh: number;
}

/** Somebody reads or walks the list: its rows must not move under them. */
function isBusy(): boolean {
  return document.querySelector('.transactions tbody:hover, .transactions tbody:focus-within') !== null;
}

/** A page of the list; what changes in it is shown at once, what comes new as soon as it disturbs nobody. */
export function useLiveRows(filter: TypedFilter, cursor: string | undefined): LiveRows {
  const query = listQuery(filter, cursor, LIMIT);
  const { data, error, loading, reload } = useLoaded<TransactionPage>(`transactions?${query}`, { keep: true });
  const [patches, setPatches] = useState<ReadonlyMap<string, Change>>(new Map());
  const [fresh, setFresh] = useState<ReadonlySet<string>>(new Set());
  useEffect(() => {
    setPatches(new Map());
    setFresh(new Set());
  }, [query]);
  const soon = useSettled(reload, EVERY_MS);
  const shown = useRef<ReadonlyMap<string, TransactionRow>>(new Map());
  shown.current = new Map(data?.transactions.map((row) => [row.id, row]));
  const current = useRef({ filter, cursor });
  current.current = { filter, cursor };

  const changed = useCallback(
    (change: Change) => {
      if (shown.current.has(change.id)) {
        setPatches((old) => new Map(old).set(change.id, change));
        soon();
      } else if (current.current.cursor === undefined && couldMatch(current.current.filter, change)) {
        if (isBusy()) setFresh((old) => new Set(old).add(change.id));
        else soon();
      }
    },
    [soon],
  );
  useChanges(changed, soon);

  // What the new answer has is no news any more.
  useEffect(() => {
    if (data === undefined) return;
    const versions = new Map(data.transactions.map(({ id, version }) => [id, version]));
    setFresh((old) => new Set([...old].filter((id) => !versions.has(id))));
  }, [data]);

  const rows = (data?.transactions ?? []).map((row) => {
    const patch = patches.get(row.id);
    return patch === undefined || patch.version <= row.version ? row : { ...row, status: patch.status, version: patch.version };
  });
  return { data, rows, error, loading, reload, changed: new Set(patches.keys()), fresh: fresh.size };
}
