import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { ShapeMark } from './shape.tsx';
import { ICONS } from './icons.tsx';

/** What the API puts in place of a value whose schema is marked as sensitive. */
const REDACTED = '[redacted]';
const MOST_SHOWN = 20_000;

function Text({ text }: { readonly text: string }): JSX.Element {
  const parts = text.split(`"${REDACTED}"`);
  return (
    <>
      {parts.map((part, at) => (
        <>
          {at > 0 && (
            <span class="redacted" title="Marked as sensitive in its schema: it is not shown here, nor in the API">
              {ICONS.lock}redacted
            </span>
          )}
          {part}
        </>
      ))}
    </>
  );
}

/** A value as JSON, as text whatever it holds. What is long is cut until somebody asks for it. */
export function JsonValue({ value, label }: { readonly value: unknown; readonly label: string }): JSX.Element {
  const [whole, setWhole] = useState(false);
  const text = JSON.stringify(value, null, 2) ?? 'nothing';
  const cut = !whole && text.length > MOST_SHOWN;
  return (
    <div class="json">
      <pre tabIndex={0} role="region" aria-label={label}>
        <code>
          <Text text={cut ? text.slice(0, MOST_SHOWN) : text} />
        </code>
      </pre>
      {cut && (
        <button type="button" class="link-button" onClick={() => setWhole(true)}>
          Show all {Math.ceil(text.length / 1_000).toLocaleString('en')} thousand characters
        </button>
      )}
    </div>
  );
}

export function Nothing({ children }: { readonly children: string }): JSX.Element {
  return (
    <p class="muted spread tight tone-wait">
      <ShapeMark shape="dash" /> {children}
    </p>
  );
}
