import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { Bulk } from '../../api/bulk.ts';
import { ask, type ApiError } from '../browser/api.ts';
import { addressOf } from '../browser/place.ts';
import { Failure } from '../parts/messages.tsx';
import { ShapeMark } from '../parts/shape.tsx';
import type { Look } from '../parts/tone.ts';
import { ACTION_TEXTS } from '../transaction/action-texts.ts';

const LOOKS: Readonly<Record<Bulk['state'], Look>> = {
  running: { tone: 'busy', shape: 'forward', word: 'under way' },
  done: { tone: 'good', shape: 'check', word: 'done' },
  stopped: { tone: 'done', shape: 'square', word: 'stopped' },
  interrupted: { tone: 'hold', shape: 'bars', word: 'interrupted: the dashboard’s process ended; what is left was not begun' },
  failed: { tone: 'bad', shape: 'cross', word: 'ended with an error' },
};

/** How far a bulk act is. */
export function BulkProgress({ bulk, refresh }: { readonly bulk: Bulk; readonly refresh: () => void }): JSX.Element {
  const { tone, shape, word } = LOOKS[bulk.state];
  const [error, setError] = useState<ApiError>();
  const past = bulk.total - bulk.remaining;
  const stop = async (): Promise<void> => {
    try {
      await ask<Bulk>(`bulk/${encodeURIComponent(bulk.id)}/stop`, { body: {} });
      refresh();
    } catch (error) {
      setError(error as ApiError);
    }
  };
  return (
    <section class={`bulk panel tone-${tone}`} aria-label={`Bulk ${bulk.action}`}>
      <div class="spread">
        <ShapeMark shape={shape} />
        <strong>
          Bulk action {ACTION_TEXTS[bulk.action].title.toLowerCase()}: {word}
        </strong>
        <span class="number" role="status">
          {past.toLocaleString('en')} of {bulk.total.toLocaleString('en')}
        </span>
        {bulk.unchanged > 0 && <span class="muted number">{bulk.unchanged} unchanged</span>}
        {bulk.skipped > 0 && <span class="muted number">{bulk.skipped} no longer matched</span>}
        {bulk.failed > 0 && <span class="bad-text number">{bulk.failed} failed</span>}
        <span class="muted break">
          {bulk.by}: “{bulk.reason}”
        </span>
        {bulk.state === 'running' && (
          <button type="button" class="button danger after" onClick={() => void stop()}>
            Stop
          </button>
        )}
      </div>
      <progress max={Math.max(1, bulk.total)} value={past} aria-label="Done so far" />
      {bulk.stop !== null && (
        <p class="muted break">
          {bulk.stop.by} stopped it{bulk.stop.reason === null ? '' : `: “${bulk.stop.reason}”`}
        </p>
      )}
      {bulk.error !== null && <p class="bad-text break">{bulk.error}</p>}
      {error !== undefined && <Failure error={error} />}
      {bulk.failures.length > 0 && (
        <details>
          <summary>Why {bulk.failed === 1 ? 'it' : 'they'} failed</summary>
          <ul class="failures">
            {bulk.failures.map(({ id, message }) => (
              <li key={id} class="break">
                <a class="id" href={addressOf(['transactions', id])}>
                  {id}
                </a>{' '}
                {message}
              </li>
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}
