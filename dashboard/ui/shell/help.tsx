import type { JSX } from 'preact';
import { Fragment } from 'preact';
import { KEYS } from '../browser/keys.ts';
import { Dialog } from '../parts/dialog.tsx';
import { Badge, STATUS_LOOKS } from '../parts/status.tsx';

/** The keys, and what the shapes mean. */
export function Help({ onClose }: { readonly onClose: () => void }): JSX.Element {
  return (
    <Dialog title="Keyboard and signs" onClose={onClose}>
      <div class="dialog-body">
        <dl class="keys">
          {KEYS.map(([keys, what]) => (
            <Fragment key={keys}>
              <dt>{keys.split(' ').map((key) => (key === '/' && keys !== '/' ? ' / ' : <kbd key={key}>{key}</kbd>))}</dt>
              <dd>{what}</dd>
            </Fragment>
          ))}
        </dl>
        <h3>What a transaction can be in</h3>
        <ul class="legend">
          {Object.values(STATUS_LOOKS).map((look) => (
            <li key={look.word}>
              <Badge look={look} />
            </li>
          ))}
        </ul>
        <p class="small muted">Open signs go on, full ones have ended; the octagon needs somebody.</p>
      </div>
    </Dialog>
  );
}
