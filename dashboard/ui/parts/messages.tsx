import type { ComponentChildren, JSX } from 'preact';
import type { ApiError } from '../browser/api.ts';
import { ICONS } from './icons.tsx';
import { ShapeMark } from './shape.tsx';
import type { Shape, Tone } from './tone.ts';

interface NoticeProps {
  readonly tone: Tone;
  readonly shape: Shape;
  readonly children: ComponentChildren;
  /** Read out at once. */
  readonly alert?: boolean;
}

export function Notice({ tone, shape, children, alert = false }: NoticeProps): JSX.Element {
  return (
    <div class={`notice tone-${tone}`} role={alert ? 'alert' : undefined}>
      <ShapeMark shape={shape} />
      <div class="break">{children}</div>
    </div>
  );
}

/** What went wrong, what to do, and a way to do it. */
export function Failure({ error, retry }: { readonly error: ApiError; readonly retry?: (() => void) | undefined }): JSX.Element {
  return (
    <Notice tone="bad" shape="octagon" alert>
      <p>{error.message}</p>
      <p class="small muted">
        <code>{error.code}</code>
        {retry !== undefined && (
          <>
            {' · '}
            <button type="button" class="link-button" onClick={retry}>
              Try again
            </button>
          </>
        )}
      </p>
    </Notice>
  );
}

interface EmptyProps {
  readonly title: string;
  readonly children: ComponentChildren;
  readonly shape?: Shape;
  readonly tone?: Tone;
  /** Nothing else is on the page: it is its heading too. */
  readonly alone?: boolean;
}

/** Nothing to show: says why, and what would put something here. */
export function Empty({ title, children, shape, tone, alone = false }: EmptyProps): JSX.Element {
  return (
    <div class={`empty${tone === undefined ? '' : ` tone-${tone}`}`}>
      {shape === undefined ? ICONS.search : <ShapeMark shape={shape} />}
      {alone ? <h1>{title}</h1> : <h2>{title}</h2>}
      {children}
    </div>
  );
}

/** Something is on its way. Shown only when it takes longer than the eye notices (by its style). */
export function Loading({ what }: { readonly what: string }): JSX.Element {
  return (
    <div class="loading" role="status">
      <div class="waiting-line" />
      <span class="unseen">Loading {what}</span>
    </div>
  );
}
