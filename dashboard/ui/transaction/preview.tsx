import type { JSX } from 'preact';
import type { Preview } from '../../api/actions.ts';
import { ShapeMark } from '../parts/shape.tsx';
import { Badge, lookOfStep, STATUS_LOOKS } from '../parts/status.tsx';
import type { Look } from '../parts/tone.ts';
import { operationWord } from '../parts/words.ts';

function Names({
  title,
  names,
  look,
  ordered = false,
}: {
  readonly title: string;
  readonly names: readonly string[];
  readonly look: Look;
  readonly ordered?: boolean;
}): JSX.Element | null {
  if (names.length === 0) return null;
  return (
    <div class={`preview-names tone-${look.tone}`}>
      <h3>
        <ShapeMark shape={look.shape} /> {title}
      </h3>
      <ol class={ordered ? 'numbered' : undefined}>
        {names.map((name) => (
          <li key={name} class="break">
            {name}
          </li>
        ))}
      </ol>
    </div>
  );
}

/** What would happen: in words, the status before and after, and the steps that it touches. */
export function PreviewBox({ preview, kind }: { readonly preview: Preview; readonly kind: 'saga' | 'tcc' }): JSX.Element {
  const { allowed, text, before, after, willUndo, willRetry, willLeave } = preview;
  const changed = after === null ? [] : Object.entries(after.steps).filter(([name, status]) => before.steps[name] !== status);
  const undo = operationWord(kind, 'compensate');
  return (
    <div class={`preview${allowed ? '' : ' refused'}`} role="group" aria-label="Preview">
      <p class="preview-text break">{text}</p>
      {after !== null && (
        <p class="spread tight">
          <Badge look={STATUS_LOOKS[before.status]} />
          <span aria-hidden="true">→</span>
          <span class="unseen">becomes</span>
          <Badge look={STATUS_LOOKS[after.status]} />
        </p>
      )}
      <Names title={`Will ${undo}, in this order`} names={willUndo} look={STATUS_LOOKS.compensating} ordered />
      <Names title="Will try again" names={willRetry.filter((name) => !willUndo.includes(name))} look={STATUS_LOOKS.running} />
      <Names title="Stays behind for good" names={willLeave} look={STATUS_LOOKS.stuck} />
      {changed.length > 0 && (
        <details>
          <summary>
            Step by step <span class="muted">({changed.length})</span>
          </summary>
          <ul class="preview-steps">
            {changed.map(([name, status]) => (
              <li key={name} class="spread tight">
                <span class="break">{name}</span>
                <Badge look={lookOfStep(before.steps[name] ?? 'pending')} />
                <span aria-hidden="true">→</span>
                <span class="unseen">becomes</span>
                <Badge look={lookOfStep(status)} />
              </li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}
