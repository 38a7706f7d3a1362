import type { JSX } from 'preact';
import { addressOf } from '../browser/place.ts';
import { CategoryList } from './categories.tsx';
import { EventList } from './events.tsx';
import { StreamList } from './stream-list.tsx';

interface StreamsPageProps {
  readonly category: string | undefined;
  readonly id: string | undefined;
  readonly query: URLSearchParams;
}

/** The event store, to read: categories, their streams, and the events of one. */
export function StreamsPage({ category, id, query }: StreamsPageProps): JSX.Element {
  return (
    <>
      <div class="page-head">
        <div>
          {category !== undefined && (
            <div class="crumbs">
              <a href={addressOf(['streams'])}>Event streams</a>
              <span aria-hidden="true">/</span>
              {id !== undefined && <a href={addressOf(['streams', category])}>{category}</a>}
            </div>
          )}
          <h1 class="break">{id ?? category ?? 'Event streams'}</h1>
        </div>
      </div>
      {category === undefined && <CategoryList before={query.get('before')} />}
      {category !== undefined && id === undefined && <StreamList category={category} before={query.get('before')} />}
      {category !== undefined && id !== undefined && (
        <EventList key={`${category}/${id}`} category={category} id={id} after={query.get('after')} />
      )}
    </>
  );
}
