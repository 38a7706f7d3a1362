import type { JSX } from 'preact';
import type { Categories } from '../../api/streams.ts';
import { useLoaded } from '../browser/api.ts';
import { addressOf } from '../browser/place.ts';
import { Empty, Failure, Loading } from '../parts/messages.tsx';
import { Ago } from '../parts/time.tsx';

export function CategoryList({ before }: { readonly before: string | null }): JSX.Element {
  const { data, error, loading, reload } = useLoaded<Categories>(
    `categories${before === null ? '' : `?before=${encodeURIComponent(before)}`}`,
  );
  return (
    <>
      {error !== undefined && <Failure error={error} retry={reload} />}
      {loading && data === undefined && <Loading what="the categories" />}
      {data?.categories.length === 0 && (
        <div class="panel">
          <Empty title={data.nextBefore === null ? 'No events here' : 'None among those looked at'}>
            <p>
              What your services append with the event store stands here, by category and stream. The transactions’ own events are on their
              pages.
            </p>
            <pre>
              <code>{"await events.append('order', 'order-1', [orderPlaced({ sku: 'mug' })]);"}</code>
            </pre>
          </Empty>
        </div>
      )}
      {data !== undefined && data.categories.length > 0 && (
        <div class="panel table">
          <table>
            <thead>
              <tr>
                <th scope="col">Category</th>
                <th scope="col" class="number">
                  Streams
                </th>
                <th scope="col" class="number">
                  Events
                </th>
                <th scope="col">Last</th>
              </tr>
            </thead>
            <tbody>
              {data.categories.map(({ name, streams, events, lastAtMs }) => (
                <tr key={name} data-row>
                  <td class="break">
                    <a href={addressOf(['streams', name])}>{name}</a>
                  </td>
                  <td class="number">{streams.toLocaleString('en')}</td>
                  <td class="number">{events.toLocaleString('en')}</td>
                  <td class="muted">
                    <Ago ms={lastAtMs} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {data?.nextBefore != null && (
        <nav class="paging" aria-label="Further back">
          <p class="muted">Of the part of the log that was looked at.</p>
          <a class="button" rel="next" href={addressOf(['streams'], { before: String(data.nextBefore) })}>
            Further back
          </a>
        </nav>
      )}
    </>
  );
}
