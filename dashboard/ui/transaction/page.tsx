import type { JSX } from 'preact';
import { useCallback, useMemo, useState } from 'preact/hooks';
import type { Action } from '../../api/action-names.ts';
import type { Change } from '../../api/changes.ts';
import type { Transaction } from '../../api/transaction.ts';
import { useLoaded } from '../browser/api.ts';
import { useChanges } from '../browser/live.ts';
import { addressOf, go } from '../browser/place.ts';
import { useSettled } from '../browser/settled.ts';
import { Drawer } from '../drawer/drawer.tsx';
import { Graph } from '../graph/graph.tsx';
import { Empty, Failure, Loading } from '../parts/messages.tsx';
import { useAttempts } from '../timeline/attempts.ts';
import { UnservedContext, useUnservedOf } from '../timeline/unserved.ts';
import { Timeline } from '../timeline/timeline.tsx';
import { ActionDialog } from './action-dialog.tsx';
import { Data } from './data.tsx';
import { Header } from './header.tsx';
import { History } from './history.tsx';
import { Holds } from './holds.tsx';
import { lookedAt, transactionAddress } from './place.ts';
import { Stuck } from './stuck.tsx';
import { Unserved } from './unserved.tsx';

/** A transaction that changes is read again no more often than this, and one with hundreds of attempts more rarely: its answer is large. */
const EVERY_MS = 250;
const LARGE = { attempts: 100, everyMs: 1_500 } as const;

function NotFound({ id }: { readonly id: string }): JSX.Element {
  return (
    <div class="panel">
      <Empty title="There is no such transaction" alone>
        <p class="break">
          <code>{id}</code> was never started in this namespace, or it ended long ago and was purged.
        </p>
        <a class="button" href={addressOf(['transactions'], { idPrefix: id.slice(0, 8) })}>
          Look for similar ids
        </a>
      </Empty>
    </div>
  );
}

interface Asked {
  readonly action: Action;
  readonly step?: string | undefined;
}

export function TransactionPage({ id, query }: { readonly id: string; readonly query: URLSearchParams }): JSX.Element {
  const { data, error, loading, reload } = useLoaded<Transaction>(`transactions/${encodeURIComponent(id)}`);
  const known = useAttempts(data);
  const unserved = useUnservedOf(data);
  const soon = useSettled(reload, (data?.attempts.length ?? 0) > LARGE.attempts ? LARGE.everyMs : EVERY_MS);
  const changed = useCallback((change: Change) => (change.id === id ? soon() : undefined), [id, soon]);
  useChanges(changed, soon);
  const [asked, setAsked] = useState<Asked>();
  const ask = useCallback((action: Action, step?: string) => setAsked({ action, step }), []);
  const text = query.toString();
  const looked = useMemo(() => lookedAt(new URLSearchParams(text)), [text]);
  const close = useCallback(() => go(transactionAddress(id)), [id]);

  if (data === undefined) {
    if (error?.status === 404) return <NotFound id={id} />;
    return (
      <>
        <div class="page-head">
          <h1 class="break">{id}</h1>
        </div>
        {error === undefined ? <Loading what="the transaction" /> : <Failure error={error} retry={reload} />}
      </>
    );
  }
  return (
    <UnservedContext.Provider value={unserved}>
      <div class={`transaction${looked === undefined ? '' : ' with-drawer'}`} aria-busy={loading}>
        <Header transaction={data} ask={ask} />
        {error !== undefined && <Failure error={error} retry={reload} />}
        <Unserved transaction={data} />
        <Stuck transaction={data} ask={ask} />
        <Graph transaction={data} looked={looked} />
        {data.kind === 'tcc' && <Holds transaction={data} />}
        <Timeline transaction={data} known={known} looked={looked} />
        <Data transaction={data} />
        <History transaction={data} />
        {looked !== undefined && <Drawer transaction={data} known={known} looked={looked} onClose={close} ask={ask} />}
        {asked !== undefined && (
          <ActionDialog transaction={data} action={asked.action} step={asked.step} onClose={() => setAsked(undefined)} onDone={reload} />
        )}
      </div>
    </UnservedContext.Provider>
  );
}
