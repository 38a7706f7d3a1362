import type { JSX } from 'preact';
import { useCallback } from 'preact/hooks';
import type { Inbox, InboxGroup } from '../../api/inbox.ts';
import { useLoaded } from '../browser/api.ts';
import { useChanges } from '../browser/live.ts';
import { addressOf } from '../browser/place.ts';
import { useSession } from '../browser/session.ts';
import { useSettled } from '../browser/settled.ts';
import { Empty, Failure, Loading } from '../parts/messages.tsx';
import { ShapeMark } from '../parts/shape.tsx';
import { Ago } from '../parts/time.tsx';
import { counted, doingWord } from '../parts/words.ts';

function Group({ group }: { readonly group: InboxGroup }): JSX.Element {
  const { saga, kind, step, op, error, errorGroup, count, oldestAtMs, newestAtMs, examples, notCompensated } = group;
  const behind = Object.entries(notCompensated).sort(([, a], [, b]) => b - a);
  const session = useSession();
  const alike = { saga, status: 'stuck', step, errorGroup };
  const title = `${doingWord(kind, op)} ${step}`;
  return (
    <article class="stuck-group panel tone-bad" aria-label={`${title} in ${saga}: ${count}`}>
      <div class="stuck-count">
        <ShapeMark shape="octagon" />
        <span class="number">{count.toLocaleString('en')}</span>
      </div>
      <div class="stuck-why">
        <h2 class="break">
          {title} <span class="muted">in</span> {saga}
        </h2>
        <p class="stuck-error break">{error}</p>
        <p class="muted">
          {count === 1 ? 'Stuck since ' : 'The first got stuck '}
          <Ago ms={oldestAtMs} />
          {count > 1 && (
            <>
              , the last <Ago ms={newestAtMs} />
            </>
          )}
          .
        </p>
        {behind.length > 0 && (
          <p>
            <strong>{kind === 'tcc' ? 'Not reached by the verdict:' : 'Left behind:'}</strong>{' '}
            {behind.map(([name, often], at) => (
              <span key={name}>
                {at > 0 && ', '}
                <code>{name}</code>
                {count > 1 && <span class="muted"> × {often}</span>}
              </span>
            ))}
          </p>
        )}
      </div>
      <ul class="stuck-examples" aria-label="Transactions, longest stuck first">
        {examples.map(({ id, stuckSinceMs }) => (
          <li key={id} data-row>
            <a class="id" href={addressOf(['transactions', id])}>
              {id}
            </a>
            <span class="muted small">
              <Ago ms={stuckSinceMs} />
            </span>
          </li>
        ))}
        {count > examples.length && (
          <li data-row>
            <a href={addressOf(['transactions'], alike)}>All {count.toLocaleString('en')} in the list</a>
          </li>
        )}
        {count > 1 && session?.mayBulk === true && (
          <li class="group-act" data-row>
            <a class="button" href={addressOf(['transactions'], { ...alike, bulk: 'retry' })}>
              Retry all {count.toLocaleString('en')}…
            </a>
          </li>
        )}
      </ul>
    </article>
  );
}

/** What is stuck, by cause: one repair is often the same for all of a group. */
export function InboxPage(): JSX.Element {
  const { data, error, loading, reload } = useLoaded<Inbox>('inbox');
  const soon = useSettled(reload, 1_500);
  const changed = useCallback(() => soon(), [soon]);
  useChanges(changed, soon);
  return (
    <>
      <div class="page-head">
        <h1>Inbox</h1>
        {data !== undefined && data.count > 0 && (
          <p class="muted" role="status">
            {counted(data.count, 'transaction is', 'transactions are')} stuck and {data.count === 1 ? 'waits' : 'wait'} for somebody
            {data.truncated && '; only the newest are looked at here'}.
          </p>
        )}
      </div>
      {error !== undefined && <Failure error={error} retry={reload} />}
      {loading && data === undefined && <Loading what="the inbox" />}
      {data?.groups.length === 0 && (
        <div class="panel">
          <Empty title="Nothing is stuck" shape="check" tone="good">
            <p>
              A transaction gets stuck when an undo or a confirm can’t be done, or nobody knows whether the pivot happened. It then waits
              here for a person: nothing is lost, and nothing is passed over.
            </p>
          </Empty>
        </div>
      )}
      <div class="stack">
        {data?.groups.map((group) => (
          <Group key={`${group.saga} ${group.step} ${group.op} ${group.errorGroup}`} group={group} />
        ))}
      </div>
    </>
  );
}
