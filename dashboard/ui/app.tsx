import type { JSX } from 'preact';
import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Inbox } from '../api/inbox.ts';
import type { Session } from '../api/session.ts';
import type { Change } from '../api/changes.ts';
import { setChangeToken, useLoaded } from './browser/api.ts';
import { setStoreTime } from './browser/clock.ts';
import { useKeys } from './browser/keys.ts';
import { useChanges, useConnection } from './browser/live.ts';
import { addressOf, go, usePlace, type Place } from './browser/place.ts';
import { SessionContext } from './browser/session.ts';
import { useSettled } from './browser/settled.ts';
import { InboxPage } from './inbox/page.tsx';
import { Empty, Failure } from './parts/messages.tsx';
import { ICONS } from './parts/icons.tsx';
import { Toasts } from './parts/toasts.tsx';
import { ServicesPage } from './services/page.tsx';
import { Help } from './shell/help.tsx';
import { PAGES, Side } from './shell/side.tsx';
import { StatisticsPage } from './statistics/page.tsx';
import { StreamsPage } from './streams/page.tsx';
import { TransactionPage } from './transaction/page.tsx';
import { TransactionsPage } from './transactions/page.tsx';

function pageOf({ path, query }: Place): JSX.Element {
  const [page, first, second] = path;
  if (page === 'transactions' && path.length === 2) return <TransactionPage key={first} id={first!} query={query} />;
  if (page === 'streams' && path.length <= 3) return <StreamsPage category={first} id={second} query={query} />;
  if (path.length <= 1) {
    if (page === undefined || page === 'transactions') return <TransactionsPage query={query} />;
    if (page === 'inbox') return <InboxPage />;
    if (page === 'services') return <ServicesPage />;
    if (page === 'statistics') return <StatisticsPage query={query} />;
  }
  return (
    <Empty title="There is no such page" alone>
      <p>The address may be cut off. A transaction’s page is at /transactions/ and its id.</p>
      <a class="button" href={addressOf(['transactions'])}>
        All transactions
      </a>
    </Empty>
  );
}

/** How many are stuck, for the navigation; looked at again when something got stuck or unstuck. */
function useInbox(): Inbox | undefined {
  const { data, reload } = useLoaded<Inbox>('inbox');
  const soon = useSettled(reload, 3_000);
  const count = useRef(0);
  count.current = data?.count ?? 0;
  const changed = useCallback(({ status }: Change) => (status === 'stuck' || count.current > 0 ? soon() : undefined), [soon]);
  useChanges(changed, soon);
  return data;
}

function Reconnecting(): JSX.Element | null {
  const connection = useConnection();
  if (connection !== 'reconnecting') return null;
  return (
    <div class="lost">
      {ICONS.warning}
      The connection was cut. What you see may be old; it goes on by itself when the dashboard is back.
    </div>
  );
}

export function App(): JSX.Element {
  const place = usePlace();
  const [help, setHelp] = useState(false);
  const { data: session, error, reload } = useLoaded<Session>('session');
  const stuck = useInbox();
  const main = useRef<HTMLElement>(null);
  const openHelp = useCallback(() => setHelp(true), []);
  const pages = useMemo(() => {
    const to = (page: string) => () => go(addressOf([page]));
    return { t: to('transactions'), i: to('inbox'), v: to('services'), s: to('statistics'), e: to('streams') };
  }, []);
  useKeys(pages, openHelp);

  useEffect(() => {
    if (session === undefined) return;
    setStoreTime(session.nowMs);
    setChangeToken(session.changeToken);
  }, [session]);

  const [page = 'transactions', first] = place.path;
  const title = PAGES.find((known) => known.page === page)?.title ?? 'Amends';
  useEffect(() => {
    document.title = `${first ?? title} · Amends`;
  }, [title, first]);
  // Whoever uses a screen reader or the keyboard starts at the new page, not at the link that led there.
  const shown = place.path.join('/');
  const before = useRef(shown);
  useEffect(() => {
    if (before.current !== shown) main.current?.focus({ preventScroll: true });
    before.current = shown;
  }, [shown]);

  return (
    <SessionContext.Provider value={session}>
      <div class="shell">
        <a
          class="skip"
          href="#main"
          onClick={(event) => {
            event.preventDefault();
            main.current?.focus();
          }}
        >
          Skip to the page
        </a>
        <Side
          current={page}
          stuck={stuck?.count}
          where={session === undefined ? undefined : `${session.store} · ${session.namespace}`}
          actor={session?.actor.name}
          help={openHelp}
        />
        <main class="main" id="main" ref={main} tabIndex={-1}>
          <Reconnecting />
          {error !== undefined && <Failure error={error} retry={reload} />}
          {pageOf(place)}
        </main>
        <Toasts />
        {help && <Help onClose={() => setHelp(false)} />}
      </div>
    </SessionContext.Provider>
  );
}
