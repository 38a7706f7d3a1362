import type { JSX } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';

const TYPING_MS = 350;

interface TextFieldProps {
  readonly label: string;
  readonly value: string;
  readonly placeholder: string;
  readonly options?: readonly string[];
  readonly first?: boolean;
  /** Why it is not a filter as it is. */
  readonly problem?: string | undefined;
  /** `further`: the same text is still being typed, so that Back leads to before it. */
  readonly onText: (text: string, further: boolean) => void;
}

/** Takes effect while it is typed into, after a pause. */
export function TextField({ label, value, placeholder, options, first = false, problem, onText }: TextFieldProps): JSX.Element {
  const id = useId();
  const [text, setText] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const further = useRef(false);
  const typed = useRef(value);
  // The address has changed by other means: Back, or a link.
  useEffect(() => {
    if (typed.current !== value) setText(value);
    typed.current = value;
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const settle = (next: string): void => {
    clearTimeout(timer.current);
    if (next.trim() === typed.current) return;
    typed.current = next.trim();
    onText(next.trim(), further.current);
    further.current = true;
  };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="search"
        value={text}
        placeholder={placeholder}
        autocomplete="off"
        spellcheck={false}
        maxLength={200}
        aria-invalid={problem !== undefined}
        aria-describedby={problem === undefined ? undefined : `${id}-problem`}
        list={options === undefined ? undefined : `${id}-options`}
        data-filter={first ? '' : undefined}
        onFocus={() => (further.current = false)}
        onInput={({ currentTarget }) => {
          setText(currentTarget.value);
          clearTimeout(timer.current);
          timer.current = setTimeout(() => settle(currentTarget.value), TYPING_MS);
        }}
        onChange={({ currentTarget }) => settle(currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape') event.currentTarget.blur();
        }}
      />
      {problem !== undefined && (
        <p class="small field-problem break" id={`${id}-problem`} role="status">
          {problem}
        </p>
      )}
      {options !== undefined && (
        <datalist id={`${id}-options`}>
          {options.map((option) => (
            <option key={option} value={option} />
          ))}
        </datalist>
      )}
    </div>
  );
}
