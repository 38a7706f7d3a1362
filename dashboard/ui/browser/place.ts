import { useEffect, useState } from 'preact/hooks';

/** Where the console is, below the path it is mounted under. The query holds every filter, so that what is seen can be sent to somebody. */
export interface Place {
  /** Decoded segments: `/transactions/eu%2F1` is `['transactions', 'eu/1']`. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
}

// The script is in `assets/` below the mount point. In a variable of its own, or the bundler takes it for a file to copy.
const script = import.meta.url;
/** Path of the mount point, with a slash at its end. */
export const base: string = new URL('..', script).pathname;

const PAGES = new Set(['transactions', 'inbox', 'services', 'statistics', 'streams']);
const listeners = new Set<() => void>();

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

function here(): Place {
  const { pathname, search } = window.location;
  const path = pathname.slice(base.length).split('/').filter(Boolean).map(decode);
  return { path, query: new URLSearchParams(search) };
}

/** The address of a page. Values that are empty or undefined are left out. */
export function addressOf(path: readonly string[], query: Readonly<Record<string, string | readonly string[] | undefined>> = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of typeof value === 'string' ? [value] : (value ?? [])) if (one !== '') search.append(name, one);
  }
  const text = search.toString();
  return base + path.map((segment) => encodeURIComponent(segment)).join('/') + (text === '' ? '' : `?${text}`);
}

export function go(address: string, { replace = false }: { readonly replace?: boolean } = {}): void {
  if (replace) window.history.replaceState(null, '', address);
  else window.history.pushState(null, '', address);
  for (const listener of listeners) listener();
}

/** Where a link leads, if that is a page of the console. */
function pageOf(link: Element): URL | undefined {
  if (link.hasAttribute('target') || link.hasAttribute('download')) return undefined;
  const url = new URL(link.getAttribute('href') ?? '', window.location.href);
  if (url.origin !== window.location.origin || url.hash !== '' || !url.pathname.startsWith(base)) return undefined;
  const [page = ''] = url.pathname.slice(base.length).split('/');
  return page === '' || PAGES.has(page) ? url : undefined;
}

/** Links between pages of the console load no document. Those that open a tab, a file or Bull Board are the browser's. */
function followLinks(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  // An `a` of a drawing too.
  const link = event.target instanceof Element ? event.target.closest('a[href]') : null;
  const url = link === null ? undefined : pageOf(link);
  if (url === undefined) return;
  event.preventDefault();
  const samePage = url.pathname === window.location.pathname;
  go(url.href);
  if (!samePage) window.scrollTo(0, 0);
}

export function usePlace(): Place {
  const [place, setPlace] = useState(here);
  useEffect(() => {
    const update = (): void => setPlace(here());
    listeners.add(update);
    window.addEventListener('popstate', update);
    document.addEventListener('click', followLinks);
    return () => {
      listeners.delete(update);
      window.removeEventListener('popstate', update);
      document.removeEventListener('click', followLinks);
    };
  }, []);
  return place;
}
