import type { Filter } from '../../api/transactions.ts';
import type { Status } from '../../../src/machine/state.ts';
import { addressOf } from '../browser/place.ts';

const TEXTS = ['saga', 'kind', 'id', 'idPrefix', 'error', 'fromMs', 'toMs'] as const;
type TextName = (typeof TEXTS)[number];

/** The filter as the address has it: the API's own names, texts as they were typed. */
export interface TypedFilter {
  readonly texts: Readonly<Partial<Record<TextName, string>>>;
  readonly status: readonly string[];
  readonly tag: readonly string[];
}

export function typedFilter(query: URLSearchParams): TypedFilter {
  const texts: Partial<Record<TextName, string>> = {};
  for (const name of TEXTS) {
    const text = query.get(name)?.trim() ?? '';
    if (text !== '') texts[name] = text;
  }
  return { texts, status: query.getAll('status'), tag: query.getAll('tag').filter((tag) => tag !== '') };
}

/** How many conditions it has. */
export function conditionsOf({ texts, status, tag }: TypedFilter): number {
  const { fromMs, toMs, ...others } = texts;
  const time = fromMs === undefined && toMs === undefined ? 0 : 1;
  return Object.keys(others).length + time + (status.length > 0 ? 1 : 0) + tag.length;
}

/** The address of the list with this filter; its first page, as the pages of another filter lead nowhere. */
export function listAddress({ texts, status, tag }: TypedFilter, cursor?: string): string {
  return addressOf(['transactions'], { ...texts, status, tag, cursor });
}

/** The query of the API. A tag that is being typed (no `=` yet) is left out. */
export function listQuery({ texts, status, tag }: TypedFilter, cursor: string | undefined, limit: number): string {
  const search = new URLSearchParams(texts);
  for (const one of status) search.append('status', one);
  for (const one of tag) if (/^[^=]+=/.test(one)) search.append('tag', one);
  if (cursor !== undefined) search.set('cursor', cursor);
  search.set('limit', String(limit));
  return search.toString();
}

/** The same as data, for a bulk act. */
export function bulkFilter({ texts, status, tag }: TypedFilter): Filter {
  const { fromMs, toMs, ...others } = texts;
  const pairs = tag.map((one) => [one.slice(0, one.indexOf('=')), one.slice(one.indexOf('=') + 1)] as const);
  return {
    ...(others as Pick<Filter, 'saga' | 'kind' | 'id' | 'idPrefix' | 'error'>),
    ...(fromMs === undefined ? {} : { fromMs: Number(fromMs) }),
    ...(toMs === undefined ? {} : { toMs: Number(toMs) }),
    ...(status.length === 0 ? {} : { status: status as Status[] }),
    ...(pairs.length === 0 ? {} : { tag: Object.fromEntries(pairs) }),
  };
}

/** Whether a changed transaction could be in the list, by what its change tells. */
export function couldMatch(
  { texts, status }: TypedFilter,
  change: { readonly id: string; readonly saga: string; readonly status: string },
): boolean {
  if (texts.saga !== undefined && texts.saga !== change.saga) return false;
  if (texts.id !== undefined && texts.id !== change.id) return false;
  if (texts.idPrefix !== undefined && !change.id.startsWith(texts.idPrefix)) return false;
  return status.length === 0 || status.includes(change.status);
}
