import { LRUCache } from 'lru-cache';
import type { RecordedEvent } from '../events/event-store.ts';
import type { Json } from '../flows/json.ts';
import type { Engine } from '../producers/engine.ts';
import type { TransactionFilter } from './filter.ts';
import type { BulkAct } from './possible-acts.ts';

/** Streams of the event store that bulk acts are told in: one for each, and an index of all. */
const CATEGORY = 'amends_bulk';
const INDEX = { aggregateType: CATEGORY, aggregateId: 'index' };

export interface BulkFailure {
  readonly id: string;
  readonly code: string;
  readonly message: string;
}

/** A bulk act as it stands. `null` is none. */
export interface BulkRow {
  readonly id: string;
  readonly state: 'running' | 'done' | 'stopped' | 'interrupted' | 'failed';
  readonly action: BulkAct;
  readonly filter: TransactionFilter;
  readonly reason: string;
  readonly by: string;
  readonly ratePerSecond: number;
  readonly startedAtMs: number;
  readonly endedAtMs: number | null;
  readonly total: number;
  readonly done: number;
  readonly unchanged: number;
  readonly skipped: number;
  readonly failed: number;
  readonly remaining: number;
  readonly failures: readonly BulkFailure[];
  readonly error: string | null;
  /** Who asked it to stop, and why. */
  readonly stop: BulkStop | null;
}

export interface BulkStop {
  readonly by: string;
  readonly reason: string | null;
}

export type BulkBegin = Pick<BulkRow, 'action' | 'filter' | 'reason' | 'by' | 'ratePerSecond' | 'total'>;
export type BulkProgress = Pick<BulkRow, 'done' | 'unchanged' | 'skipped' | 'failed' | 'failures'>;
type BulkEnd = BulkProgress & { readonly state: 'done' | 'stopped' | 'failed'; readonly error: string | null };

/** One that says nothing for this long is taken for dead: while it runs it tells of itself every {@link TELL_EVERY_MS}. */
const SILENT_MS = 15_000;
export const TELL_EVERY_MS = 2_000;

const NOTHING_YET: BulkProgress = { done: 0, unchanged: 0, skipped: 0, failed: 0, failures: [] };

export function remainingOf(total: number, { done, unchanged, skipped, failed }: BulkProgress): number {
  return total - done - unchanged - skipped - failed;
}

/** What the events of one say, up to a version of its stream. */
interface Known {
  readonly version: number;
  readonly begin: BulkBegin;
  readonly startedAtMs: number;
  readonly lastMs: number;
  readonly progress: BulkProgress;
  readonly end?: BulkEnd;
  readonly stop?: BulkStop;
}

function begunOf({ version, eventType, eventData, timestamp }: RecordedEvent): Known | undefined {
  if (eventType !== 'begun') return undefined;
  const atMs = timestamp.getTime();
  return { version, begin: eventData as unknown as BulkBegin, startedAtMs: atMs, lastMs: atMs, progress: NOTHING_YET };
}

function fold(before: Known | undefined, event: RecordedEvent): Known | undefined {
  if (before === undefined) return begunOf(event);
  const { version, eventType, eventData, timestamp } = event;
  if (eventType === 'stop_requested') return { ...before, version, stop: { by: '', reason: null, ...(eventData as Partial<BulkStop>) } };
  const { state, error, ...told } = eventData as unknown as BulkProgress & Partial<BulkEnd>;
  const progress = { ...NOTHING_YET, ...told };
  const lastMs = timestamp.getTime();
  return state === undefined
    ? { ...before, version, lastMs, progress }
    : { ...before, version, lastMs, progress, end: { ...progress, state, error: error ?? null } };
}

/** How many are kept, as far as they were read: whoever watches one looks again and again. */
const KEPT = 200;

function nameOf(id: string) {
  return { aggregateType: CATEGORY, aggregateId: id };
}

/** Bulk acts in the event store: whoever looks finds them, whichever process does them, and after its end. */
export class BulkLog {
  readonly #engine: Engine;
  readonly #known = new LRUCache<string, Known>({ max: KEPT });

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  async begin(id: string, begin: BulkBegin): Promise<void> {
    const { store } = this.#engine.events;
    await store.appendAll([
      { stream: nameOf(id), events: [{ eventType: 'begun', eventData: begin as unknown as Json }], expectedVersion: 'none' },
      { stream: INDEX, events: [{ eventType: 'begun', eventData: { id } }], expectedVersion: 'any' },
    ]);
  }

  async progress(id: string, progress: BulkProgress): Promise<void> {
    await this.#append(id, 'progressed', progress as unknown as Json);
  }

  async end(id: string, end: BulkEnd): Promise<void> {
    await this.#append(id, 'ended', end as unknown as Json);
  }

  /** Asks whichever process does it to stop. */
  async requestStop(id: string, stop: BulkStop): Promise<void> {
    await this.#append(id, 'stop_requested', { ...stop });
  }

  async isStopRequested(id: string): Promise<boolean> {
    return (await this.#read(id))?.stop !== undefined;
  }

  async find(id: string): Promise<BulkRow | undefined> {
    const known = await this.#read(id);
    if (known === undefined) return undefined;
    const { begin, startedAtMs, lastMs, progress, end, stop } = known;
    const isSilent = this.#engine.clock.nowMs() - lastMs > SILENT_MS;
    return {
      id,
      state: end?.state ?? (isSilent ? 'interrupted' : 'running'),
      ...begin,
      startedAtMs,
      endedAtMs: end !== undefined || isSilent ? lastMs : null,
      ...progress,
      remaining: remainingOf(begin.total, progress),
      error: end?.error ?? null,
      stop: stop ?? null,
    };
  }

  /** The newest first. */
  async list(limit: number): Promise<BulkRow[]> {
    const { store } = this.#engine.events;
    const head = await store.head(INDEX);
    if (head === undefined) return [];
    const ids: string[] = [];
    for await (const { eventData } of store.read(INDEX, { fromVersion: Math.max(1, head.version - limit + 1) })) {
      ids.push((eventData as { readonly id: string }).id);
    }
    const found = await Promise.all(ids.reverse().map((id) => this.find(id)));
    return found.filter((row) => row !== undefined).slice(0, limit);
  }

  async #append(id: string, eventType: string, eventData: Json): Promise<void> {
    await this.#engine.events.store.append(nameOf(id), [{ eventType, eventData }], { expectedVersion: 'exists' });
  }

  /** Reads on from where it was read before. */
  async #read(id: string): Promise<Known | undefined> {
    // `index` is a stream of its own, and no bulk act.
    if (!/^[\da-f-]{36}$/.test(id)) return undefined;
    let known = this.#known.get(id);
    for await (const event of this.#engine.events.store.read(nameOf(id), { fromVersion: (known?.version ?? 0) + 1 })) {
      known = fold(known, event);
      if (known === undefined) return undefined;
    }
    // Two who look at the same time may end in either order.
    if (known !== undefined && known.version >= (this.#known.get(id)?.version ?? 0)) this.#known.set(id, known);
    return known;
  }
}
