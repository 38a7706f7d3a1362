import type { JSX } from 'preact';
import { ICONS } from './icons.tsx';
import { toast } from './toasts.tsx';

/** Copies a text. Where the browser does not allow it (plain HTTP), says so. */
export function Copy({ text, what }: { readonly text: string; readonly what: string }): JSX.Element {
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      toast(`Copied: ${text.length > 60 ? what : text}`);
    } catch {
      toast(`The browser does not let this page copy. Select the ${what} and copy it by hand.`);
    }
  };
  return (
    <button type="button" class="icon-button copy" aria-label={`Copy the ${what}`} title={`Copy the ${what}`} onClick={() => void copy()}>
      {ICONS.copy}
    </button>
  );
}
