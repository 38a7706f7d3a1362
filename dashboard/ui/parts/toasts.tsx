import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { ICONS } from './icons.tsx';

interface Toast {
  readonly id: number;
  readonly text: string;
}

const SHOWN_MS = 7_000;
let last = 0;
let tell: (toast: Toast) => void = () => undefined;

/** Says for a moment what was done. Nothing that has to be read: that stays on the page. */
export function toast(text: string): void {
  tell({ id: ++last, text });
}

export function Toasts(): JSX.Element {
  const [toasts, setToasts] = useState<readonly Toast[]>([]);
  useEffect(() => {
    tell = (toast) => {
      setToasts((old) => [...old.slice(-2), toast]);
      setTimeout(() => setToasts((old) => old.filter(({ id }) => id !== toast.id)), SHOWN_MS);
    };
  }, []);
  return (
    <div class="toasts" role="status">
      {toasts.map(({ id, text }) => (
        <div key={id} class="toast break">
          {text}
          <button
            type="button"
            class="icon-button"
            aria-label="Dismiss"
            onClick={() => setToasts((old) => old.filter((toast) => toast.id !== id))}
          >
            {ICONS.close}
          </button>
        </div>
      ))}
    </div>
  );
}
