import { AmendsError } from '../errors.ts';
import type { Json } from '../flows/json.ts';
import type { LoggedEvent } from '../events/global-log.ts';
import type { StreamState } from '../events/event-store.ts';
import type { Engine } from '../producers/engine.ts';

export interface CategoriesFound {
  readonly categories: { readonly name: string; readonly streams: number; readonly events: number; readonly lastAtMs: number }[];
  readonly nextBefore: number | null;
}

interface StreamRow {
  readonly category: string;
  readonly id: string;
  readonly version: number;
  readonly lastType: string;
  readonly lastAtMs: number;
}

export interface StreamsFound {
  readonly streams: StreamRow[];
  readonly nextBefore: number | null;
}

export interface StreamFound {
  readonly category: string;
  readonly id: string;
  readonly version: number;
  readonly firstVersion: number;
  readonly state: StreamState;
  readonly events: {
    readonly version: number;
    readonly eventId: string;
    readonly type: string;
    readonly schemaVersion: number;
    readonly atMs: number;
    readonly data: Json;
    readonly metadata: Json;
  }[];
  readonly nextAfter: number | null;
}

/** Positions of the log that one look goes back. No store has an index of its streams: the log is what tells which have changed. */
const LOOK_BACK = 2_000;
const PAGE = 1_000;

/** The events of one look back, from a position (default: the end), in the order of the log. */
async function lookBack(engine: Engine, before: number | undefined, category?: string) {
  const { log } = engine.events;
  const head = await log.head();
  const end = Math.min(before ?? head, head);
  const start = Math.max(0, end - LOOK_BACK);
  const events: LoggedEvent[] = [];
  for (let after = start; after < end;) {
    const page = await log.read(after, { limit: PAGE, ...(category === undefined ? {} : { categories: [category] }) });
    events.push(...page.events.filter(({ position }) => position <= end));
    if (page.position <= after) break;
    after = page.position;
  }
  return { events, nextBefore: start > 0 ? start : null };
}

/** The categories of the streams that changed last. The journal's own is not among them. */
export async function categoriesOf(engine: Engine, before?: number): Promise<CategoriesFound> {
  const { events, nextBefore } = await lookBack(engine, before);
  const found = new Map<string, { streams: Set<string>; events: number; lastAtMs: number }>();
  for (const { aggregateType, aggregateId, timestamp } of events) {
    const category = found.get(aggregateType) ?? { streams: new Set<string>(), events: 0, lastAtMs: 0 };
    found.set(aggregateType, category);
    category.streams.add(aggregateId);
    category.events++;
    category.lastAtMs = timestamp.getTime();
  }
  const categories = [...found].map(([name, { streams, ...rest }]) => ({ name, streams: streams.size, ...rest }));
  return { categories: categories.sort((a, b) => (a.name < b.name ? -1 : 1)), nextBefore };
}

function checkCategory(category: string | undefined): void {
  if (category !== 'transaction') return;
  throw new AmendsError('NOT_ALLOWED', 'the streams of category "transaction" are the journal: look at them as transactions');
}

/** The streams that changed last, the newest change first. */
export async function streamsOf(engine: Engine, category?: string, before?: number): Promise<StreamsFound> {
  checkCategory(category);
  const { events, nextBefore } = await lookBack(engine, before, category);
  const found = new Map<string, StreamRow>();
  for (const { aggregateType, aggregateId, version, eventType, timestamp } of events) {
    const key = JSON.stringify([aggregateType, aggregateId]);
    found.delete(key); // so that the last to change is the last in the order
    found.set(key, { category: aggregateType, id: aggregateId, version, lastType: eventType, lastAtMs: timestamp.getTime() });
  }
  return { streams: [...found.values()].reverse(), nextBefore };
}

/**
 * The events of a stream in order, a page at a time, as they are stored.
 *
 * @throws {AmendsError} STREAM_NOT_FOUND, NOT_ALLOWED (the journal), INVALID_ID
 */
export async function streamOf(
  engine: Engine,
  category: string,
  id: string,
  { after = 0, limit = 100 }: { readonly after?: number | undefined; readonly limit?: number | undefined } = {},
): Promise<StreamFound> {
  checkCategory(category);
  const { store } = engine.events;
  const name = { aggregateType: category, aggregateId: id };
  const head = await store.head(name);
  if (head === undefined)
    throw new AmendsError('STREAM_NOT_FOUND', `there is no stream ${JSON.stringify(`${category}/${id}`)}: check its name`);
  const events: StreamFound['events'] = [];
  let more = false;
  for await (const event of store.read(name, { fromVersion: after + 1, toVersion: Math.min(head.version, after + limit + 1) })) {
    more = events.length === limit;
    if (more) break;
    const { version, eventId, eventType, schemaVersion, timestamp, eventData, metadata } = event;
    events.push({ version, eventId, type: eventType, schemaVersion, atMs: timestamp.getTime(), data: eventData, metadata });
  }
  const last = events.at(-1)?.version;
  return { category, id, ...head, events, nextAfter: more && last !== undefined ? last : null };
}
