import { useEffect } from 'preact/hooks';

/** What the keyboard does everywhere. */
export const KEYS: readonly (readonly [keys: string, what: string])[] = [
  ['j / k', 'next, previous row of the list'],
  ['Enter', 'open the focused row'],
  ['/', 'to the filter, or the search of the page'],
  ['g t', 'transactions'],
  ['g i', 'inbox: what is stuck'],
  ['g v', 'services and workers'],
  ['g s', 'statistics'],
  ['g e', 'event streams'],
  ['Esc', 'close what is open on top'],
  ['?', 'this help'],
];

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

function isShown(element: HTMLElement): boolean {
  return element.getClientRects().length > 0;
}

/** Moves the focus among the rows of the page: what carries `data-row`. */
function moveRow(by: 1 | -1): void {
  const open = [...document.querySelectorAll<HTMLElement>('[data-keys]')].filter(isShown).at(-1) ?? document;
  const rows = [...open.querySelectorAll<HTMLElement>('[data-row]')].filter(isShown);
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  const next = at < 0 ? rows[by > 0 ? 0 : rows.length - 1] : rows[at + by];
  const focusable = next?.matches('a,button') === true ? next : next?.querySelector<HTMLElement>('a,button');
  focusable?.focus();
  next?.scrollIntoView({ block: 'nearest' });
}

/** The keys of the whole console. `pages`: by the letter that follows `g`. */
export function useKeys(pages: Readonly<Record<string, () => void>>, help: () => void): void {
  useEffect(() => {
    let afterG = false;
    const listen = (event: KeyboardEvent): void => {
      if (event.metaKey || event.ctrlKey || event.altKey || isTyping(event.target) || event.defaultPrevented) return;
      // A modal dialog has the keyboard to itself.
      if (document.querySelector('dialog:modal') !== null) return;
      const page = afterG ? pages[event.key] : undefined;
      afterG = event.key === 'g';
      if (page !== undefined) page();
      else if (event.key === 'j' || event.key === 'k') moveRow(event.key === 'j' ? 1 : -1);
      else if (event.key === '?') help();
      else if (event.key === '/') document.querySelector<HTMLElement>('[data-filter]')?.focus();
      else return;
      event.preventDefault();
    };
    document.addEventListener('keydown', listen);
    return () => document.removeEventListener('keydown', listen);
  }, [pages, help]);
}

/** Calls `close` at Escape, unless a dialog on top takes it. */
export function useEscape(close: () => void, active = true): void {
  useEffect(() => {
    if (!active) return undefined;
    const listen = (event: KeyboardEvent): void => {
      if (event.key === 'Escape' && !event.defaultPrevented && document.querySelector('dialog:modal') === null) close();
    };
    document.addEventListener('keydown', listen);
    return () => document.removeEventListener('keydown', listen);
  }, [close, active]);
}
