import type { JSX } from 'preact';
import type { Streams } from '../../api/streams.ts';
import { useLoaded } from '../browser/api.ts';
import { addressOf } from '../browser/place.ts';
import { Empty, Failure, Loading } from '../parts/messages.tsx';
import { Ago } from '../parts/time.tsx';

export function StreamList({ category, before }: { readonly category: string; readonly before: string | null }): JSX.Element {
  const query = new URLSearchParams({ category, ...(before === null ? {} : { before }) }).toString();
  const { data, error, loading, reload } = useLoaded<Streams>(`streams?${query}`);
  return (
    <>
      {error !== undefined && <Failure error={error} retry={reload} />}
      {loading && data === undefined && <Loading what="the streams" />}
      {data?.streams.length === 0 && (
        <div class="panel">
          <Empty title="No stream of this category here">
            <p>{data.nextBefore === null ? 'The log has none.' : 'Not in the part of the log that was looked at: look further back.'}</p>
          </Empty>
        </div>
      )}
      {data !== undefined && data.streams.length > 0 && (
        <div class="panel table">
          <table>
            <thead>
              <tr>
                <th scope="col">Stream</th>
                <th scope="col" class="number">
                  Version
                </th>
                <th scope="col">Last event</th>
                <th scope="col">When</th>
              </tr>
            </thead>
            <tbody>
              {data.streams.map(({ category, id, version, lastType, lastAtMs }) => (
                <tr key={id} data-row>
                  <td>
                    <a class="id" href={addressOf(['streams', category, id])}>
                      {id}
                    </a>
                  </td>
                  <td class="number">{version.toLocaleString('en')}</td>
                  <td class="break">{lastType}</td>
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
          <a class="button" rel="next" href={addressOf(['streams', category], { before: String(data.nextBefore) })}>
            Further back
          </a>
        </nav>
      )}
    </>
  );
}
