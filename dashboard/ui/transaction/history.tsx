import type { JSX } from 'preact';
import { useCallback, useEffect, useState } from 'preact/hooks';
import type { AuditEntry } from '../../api/attempt.ts';
import type { HistoryEvent, HistoryPage } from '../../api/history.ts';
import type { Transaction } from '../../api/transaction.ts';
import { ask, type ApiError } from '../browser/api.ts';
import { JsonValue } from '../parts/json.tsx';
import { Failure } from '../parts/messages.tsx';
import { Badge, STATUS_LOOKS } from '../parts/status.tsx';
import { At } from '../parts/time.tsx';
import { counted } from '../parts/words.ts';
import { operationText } from './summary.ts';

const PAGE = 200;

interface Known {
  readonly events: readonly HistoryEvent[];
  readonly error: ApiError | undefined;
  readonly more: () => void;
  /** Asks again for what could not be read. */
  readonly again: () => void;
  readonly complete: boolean;
}

/** The events from the first on, in pages; those that come while it is looked at, if the end has been reached. */
function useHistory(id: string, version: number): Known {
  const [events, setEvents] = useState<readonly HistoryEvent[]>([]);
  const [error, setError] = useState<ApiError>();
  const [wanted, setWanted] = useState(PAGE);
  const [round, setRound] = useState(0);
  const known = events.at(-1)?.version ?? 0;
  const goal = Math.min(version, wanted);
  useEffect(() => {
    if (known >= goal) return undefined;
    const controller = new AbortController();
    ask<HistoryPage>(`transactions/${encodeURIComponent(id)}/history?after=${known}&limit=${PAGE}`, { signal: controller.signal }).then(
      (page) => {
        setError(undefined);
        setEvents((old) => [...old, ...page.events.filter((event) => event.version > (old.at(-1)?.version ?? 0))]);
      },
      (error: unknown) => {
        if (!controller.signal.aborted) setError(error as ApiError);
      },
    );
    return () => controller.abort();
  }, [id, known, goal, round]);
  useEffect(() => {
    // One who sees the end goes on seeing it.
    if (known >= wanted && known >= version - 1) setWanted(known + PAGE);
  }, [known, wanted, version]);
  const more = useCallback(() => setWanted((old) => old + PAGE), []);
  const again = useCallback(() => setRound((old) => old + 1), []);
  return { events, error, more, again, complete: known >= version };
}

function Act({ entry }: { readonly entry: AuditEntry }): JSX.Element {
  return (
    <div class="act">
      <p>
        <strong class="break">{entry.by}</strong> {entry.action.replaceAll('_', ' ')}
        {entry.step !== null && <code class="break"> {entry.step}</code>}
        {entry.reason !== null && <span class="break">: “{entry.reason}”</span>}
      </p>
      {entry.before !== entry.after && (
        <p class="spread tight">
          <Badge look={STATUS_LOOKS[entry.before]} />
          <span aria-hidden="true">→</span>
          <span class="unseen">became</span>
          <Badge look={STATUS_LOOKS[entry.after]} />
        </p>
      )}
    </div>
  );
}

interface Subject {
  readonly step?: unknown;
  readonly op?: unknown;
}

/** What an event is about, when it is a step. */
function subjectOf({ type, data }: HistoryEvent, kind: Transaction['kind']): string | undefined {
  const { step, op } = (typeof data === 'object' && data !== null ? data : {}) as Subject;
  if (typeof step !== 'string') return undefined;
  const about =
    typeof op === 'string' ? op : type.startsWith('compensation') ? 'compensate' : type.startsWith('confirm') ? 'confirm' : 'run';
  return operationText(kind, step, about === 'compensate' || about === 'confirm' ? about : 'run');
}

function Happening({ event, kind }: { readonly event: HistoryEvent; readonly kind: Transaction['kind'] }): JSX.Element {
  const subject = subjectOf(event, kind);
  return (
    <>
      {subject !== undefined && <strong>{subject}</strong>} {event.text}
    </>
  );
}

/** Everything that happened, in order; what people did stands out. */
export function History({ transaction: { id, kind, version, audit } }: { readonly transaction: Transaction }): JSX.Element {
  const { events, error, more, again, complete } = useHistory(id, version);
  const [onlyPeople, setOnlyPeople] = useState(false);
  const acts = new Map(audit.map((entry) => [entry.version, entry]));
  return (
    <section class="panel" aria-labelledby="history-heading">
      <div class="panel-head">
        <h2 id="history-heading">History</h2>
        <span class="muted">{counted(version, 'event')}</span>
        {audit.length > 0 && (
          <label class="after spread tight">
            <input type="checkbox" checked={onlyPeople} onChange={({ currentTarget }) => setOnlyPeople(currentTarget.checked)} />
            Only what people did
          </label>
        )}
      </div>
      {error !== undefined && <Failure error={error} retry={again} />}
      <ol class="history">
        {onlyPeople
          ? audit.map((entry) => (
              <li key={entry.version} class="by-person" data-row>
                <At ms={entry.atMs} />
                <span class="version number muted">{entry.version}</span>
                <Act entry={entry} />
              </li>
            ))
          : events.map((event) => {
              const act = acts.get(event.version);
              return (
                <li key={event.version} class={act === undefined ? undefined : 'by-person'}>
                  <At ms={event.atMs} />
                  <span class="version number muted">{event.version}</span>
                  <details>
                    <summary class="break">{act === undefined ? <Happening event={event} kind={kind} /> : <Act entry={act} />}</summary>
                    <p class="small muted">
                      <code>{event.type}</code>
                    </p>
                    <JsonValue value={event.data} label={`Data of event ${event.version}`} />
                  </details>
                </li>
              );
            })}
      </ol>
      {!complete && !onlyPeople && events.length > 0 && (
        <p class="more">
          <button type="button" class="button" onClick={more}>
            Show {Math.min(PAGE, version - events.length)} more of {version - events.length}
          </button>
        </p>
      )}
    </section>
  );
}
