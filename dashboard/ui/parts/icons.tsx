import type { ComponentChildren, JSX } from 'preact';

function line(children: ComponentChildren): JSX.Element {
  return (
    <svg
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      stroke-width="1.8"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      {children}
    </svg>
  );
}

/** Drawn, not loaded: decoration only, the word beside it says what it is. */
export const ICONS = {
  transactions: line(<path d="M4 7h13m-3.5-3.5L17 7l-3.5 3.5M20 17H7m3.5-3.5L7 17l3.5 3.5" />),
  inbox: line(<path d="M4 13.5 6.3 5h11.4L20 13.5V19H4zm0 0h4.6l1.2 2.4h4.4l1.2-2.4H20" />),
  services: line(<path d="M4 4.5h16v6H4zM4 13.5h16v6H4zM7.5 7.5h.01M7.5 16.5h.01" />),
  statistics: line(<path d="M4 20h16M6.5 16.5v-5M12 16.5V5M17.5 16.5V9" />),
  streams: line(<path d="M4 6h16M4 12h10M4 18h13" />),
  theme: line(<path d="M12 3.5a8.5 8.5 0 1 0 8.5 8.5A6.5 6.5 0 0 1 12 3.5z" />),
  help: line(<path d="M9.2 9.2a2.9 2.9 0 1 1 4.4 2.5c-1 .6-1.6 1.1-1.6 2.3M12 17.3h.01M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z" />),
  close: line(<path d="m6 6 12 12M18 6 6 18" />),
  search: line(<path d="M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zm4.8 11.3L20 20" />),
  outside: line(<path d="M9 5H5v14h14v-4M13 5h6v6M19 5l-9 9" />),
  copy: line(<path d="M9 9h11v11H9zM15 9V4H4v11h5" />),
  left: line(<path d="m14.5 5-7 7 7 7" />),
  right: line(<path d="m9.5 5 7 7-7 7" />),
  plus: line(<path d="M12 5v14M5 12h14" />),
  minus: line(<path d="M5 12h14" />),
  fit: line(<path d="M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5" />),
  warning: line(<path d="M12 4 2.8 20h18.4zM12 10v4.5M12 17.2h.01" />),
  lock: line(<path d="M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3" />),
} satisfies Readonly<Record<string, JSX.Element>>;
