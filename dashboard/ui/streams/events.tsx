import type { JSX } from 'preact';
import type { Stream } from '../../api/streams.ts';
import { useLoaded } from '../browser/api.ts';
import { addressOf } from '../browser/place.ts';
import { JsonValue } from '../parts/json.tsx';
import { Empty, Failure, Loading } from '../parts/messages.tsx';
import { At } from '../parts/time.tsx';
import { counted } from '../parts/words.ts';

const STATES: Readonly<Record<Stream['state'], string>> = {
  open: 'open',
  closed: 'closed: nothing more can be appended',
  tombstoned: 'tombstoned: it was removed for good',
};

interface EventListProps {
  readonly category: string;
  readonly id: string;
  readonly after: string | null;
}

export function EventList({ category, id, after }: EventListProps): JSX.Element {
  const path = `streams/${encodeURIComponent(category)}/${encodeURIComponent(id)}`;
  const { data, error, loading, reload } = useLoaded<Stream>(`${path}${after === null ? '' : `?after=${encodeURIComponent(after)}`}`);
  return (
    <>
      {error !== undefined && <Failure error={error} retry={reload} />}
      {loading && data === undefined && <Loading what="the events" />}
      {data !== undefined && (
        <section class="panel" aria-label="Events">
          <div class="panel-head">
            <span>{counted(data.version, 'event')}</span>
            <span class="muted">{STATES[data.state]}</span>
            {data.firstVersion > 1 && <span class="muted">those before {data.firstVersion} were cut off</span>}
          </div>
          {data.events.length === 0 && (
            <Empty title="No events here">
              <p>They were cut off, or this is past the end of the stream.</p>
            </Empty>
          )}
          <ol class="history">
            {data.events.map((event) => (
              <li key={event.version} data-row>
                <At ms={event.atMs} />
                <span class="version number muted">{event.version}</span>
                <details>
                  <summary class="break">
                    <strong>{event.type}</strong>
                    {event.schemaVersion > 1 && <span class="muted"> v{event.schemaVersion}</span>}
                  </summary>
                  <p class="small muted break">
                    <code>{event.eventId}</code>
                  </p>
                  <JsonValue value={event.data} label={`Data of event ${event.version}`} />
                  {event.metadata !== null && Object.keys(event.metadata).length > 0 && (
                    <>
                      <p class="small muted">Metadata</p>
                      <JsonValue value={event.metadata} label={`Metadata of event ${event.version}`} />
                    </>
                  )}
                </details>
              </li>
            ))}
          </ol>
        </section>
      )}
      {data !== undefined && (data.nextAfter !== null || after !== null) && (
        <nav class="paging" aria-label="Pages of the stream">
          {after !== null && (
            <a class="button" href={addressOf(['streams', category, id])}>
              First
            </a>
          )}
          {data.nextAfter !== null && (
            <a class="button" rel="next" href={addressOf(['streams', category, id], { after: String(data.nextAfter) })}>
              Newer
            </a>
          )}
        </nav>
      )}
    </>
  );
}
