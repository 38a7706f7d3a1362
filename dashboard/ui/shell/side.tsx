import type { JSX } from 'preact';
import { addressOf } from '../browser/place.ts';
import { useConnection } from '../browser/live.ts';
import { useTheme } from '../browser/theme.ts';
import { ICONS } from '../parts/icons.tsx';

export const PAGES = [
  { page: 'transactions', title: 'Transactions', short: 'Transactions', icon: ICONS.transactions },
  { page: 'inbox', title: 'Inbox', short: 'Inbox', icon: ICONS.inbox },
  { page: 'services', title: 'Services', short: 'Services', icon: ICONS.services },
  { page: 'statistics', title: 'Statistics', short: 'Statistics', icon: ICONS.statistics },
  { page: 'streams', title: 'Event streams', short: 'Streams', icon: ICONS.streams },
] as const;

const CONNECTION = {
  connecting: { word: 'connecting', path: 'M6 1.5a4.5 4.5 0 1 0 4.5 4.5' },
  live: { word: 'live', path: undefined },
  reconnecting: { word: 'reconnecting', path: 'M6 1.5a4.5 4.5 0 1 0 4.5 4.5' },
} as const;

function ConnectionState(): JSX.Element {
  const state = useConnection();
  const { word, path } = CONNECTION[state];
  return (
    <span
      class={`connection ${state}`}
      role="status"
      title={state === 'live' ? 'What changes is shown at once' : 'Changes are shown when the connection is back'}
    >
      <svg viewBox="0 0 12 12" aria-hidden="true">
        {path === undefined ? (
          <circle cx="6" cy="6" r="4.5" fill="currentColor" />
        ) : (
          <path d={path} fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" />
        )}
      </svg>
      {word}
    </span>
  );
}

interface SideProps {
  readonly current: string;
  readonly stuck: number | undefined;
  /** The store and its namespace, once they are known. */
  readonly where: string | undefined;
  readonly actor: string | undefined;
  readonly help: () => void;
}

export function Side({ current, stuck, where, actor, help }: SideProps): JSX.Element {
  const [theme, nextTheme] = useTheme();
  return (
    <header class="side">
      <a class="brand" href={addressOf(['transactions'])}>
        <svg viewBox="0 0 32 32" aria-hidden="true">
          <rect width="32" height="32" rx="8" fill="#2456d6" />
          <path d="M7 12h14m-5-5 5 5-5 5" fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round" stroke-linejoin="round" />
          <path d="M25 21H11m5-5-5 5 5 5" fill="none" stroke="#b9cdff" stroke-width="3" stroke-linecap="round" stroke-linejoin="round" />
        </svg>
        Amends
      </a>
      <nav class="pages" aria-label="Pages">
        {PAGES.map(({ page, title, short, icon }) => (
          <a
            key={page}
            href={addressOf([page])}
            aria-current={page === current ? 'page' : undefined}
            aria-label={short === title ? undefined : title}
          >
            {icon}
            {short}
            {page === 'inbox' && stuck !== undefined && stuck > 0 && (
              <span class="count number">
                {stuck > 99 ? '99+' : stuck}
                <span class="unseen"> stuck</span>
              </span>
            )}
          </a>
        ))}
      </nav>
      <div class="side-foot">
        {where !== undefined && (
          <div class="where break">
            {where}
            {actor !== undefined && <div>signed in as {actor}</div>}
          </div>
        )}
        <ConnectionState />
        <div class="side-tools">
          <button type="button" class="icon-button" onClick={nextTheme} aria-label={`Theme: ${theme}. Change`} title={`Theme: ${theme}`}>
            {ICONS.theme}
          </button>
          <button type="button" class="icon-button" onClick={help} aria-label="Keyboard help" title="Keyboard help (?)">
            {ICONS.help}
          </button>
        </div>
      </div>
    </header>
  );
}
