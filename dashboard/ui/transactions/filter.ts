import type { Filter } from '../../api/transactions.ts';
import type { Status } from '../../../src/machine/state.ts';
import { addressOf } from '../browser/place.ts';

const TEXTS = ['saga', 'kind', 'id', 'idPrefix', 'error', 'step', 'errorGroup', 'fromMs', 'toMs'] as const;
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

function isWhole(tag: string): boolean {
  return /^[^=]+=/.test(tag);
}

function pairOf(tag: string): readonly [name: string, value: string] {
  const at = tag.indexOf('=');
  return [tag.slice(0, at), tag.slice(at + 1)];
}

/** Two values that it wants of one tag: nothing can match, and the API refuses it. */
export function contradictionIn({ tag }: TypedFilter): string | undefined {
  const values = new Map<string, string>();
  for (const [name, value] of tag.filter(isWhole).map(pairOf)) {
    const other = values.get(name);
    if (other !== undefined && other !== value) return `Nothing has ${name}=${other} and ${name}=${value} at once: take one away.`;
    values.set(name, value);
  }
  return undefined;
}

/** Why its tags are no filter yet, or one that nothing can match: what is listed is then not what an act would be done to. */
export function tagProblem(filter: TypedFilter): string | undefined {
  const half = filter.tag.find((one) => !isWhole(one));
  if (half !== undefined) return `“${half}” does not filter yet: write name=value, such as customer=c1.`;
  return contradictionIn(filter);
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
  for (const one of tag) if (isWhole(one)) search.append('tag', one);
  if (cursor !== undefined) search.set('cursor', cursor);
  search.set('limit', String(limit));
  return search.toString();
}

/** The same as data, for a bulk act; not to be asked for while there is a {@link tagProblem}. */
export function bulkFilter({ texts, status, tag }: TypedFilter): Filter {
  const { fromMs, toMs, ...others } = texts;
  const pairs = tag.filter(isWhole).map(pairOf);
  return {
    ...(others as Pick<Filter, 'saga' | 'kind' | 'id' | 'idPrefix' | 'error' | 'step' | 'errorGroup'>),
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
