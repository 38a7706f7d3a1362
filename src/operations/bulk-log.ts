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
  readonly failed: number;
  readonly remaining: number;
  readonly failures: readonly BulkFailure[];
  readonly error: string | null;
}

export type BulkBegin = Pick<BulkRow, 'action' | 'filter' | 'reason' | 'by' | 'ratePerSecond' | 'total'>;
export type BulkProgress = Pick<BulkRow, 'done' | 'unchanged' | 'failed' | 'failures'>;
type BulkEnd = BulkProgress & { readonly state: 'done' | 'stopped' | 'failed'; readonly error: string | null };

/** One that says nothing for this long is taken for dead: while it runs it tells of itself every {@link TELL_EVERY_MS}. */
const SILENT_MS = 15_000;
export const TELL_EVERY_MS = 2_000;

function nameOf(id: string) {
  return { aggregateType: CATEGORY, aggregateId: id };
}

/** Bulk acts in the event store: whoever looks finds them, whichever process does them, and after its end. */
export class BulkLog {
  readonly #engine: Engine;

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
  async requestStop(id: string): Promise<void> {
    await this.#append(id, 'stop_requested', {});
  }

  async isStopRequested(id: string): Promise<boolean> {
    return (await this.#events(id)).some(({ eventType }) => eventType === 'stop_requested');
  }

  async find(id: string): Promise<BulkRow | undefined> {
    const events = await this.#events(id);
    const [begun] = events;
    if (begun?.eventType !== 'begun') return undefined;
    const begin = begun.eventData as unknown as BulkBegin;
    const told = events.findLast(({ eventType }) => eventType === 'progressed' || eventType === 'ended');
    const progress = (told?.eventData ?? { done: 0, unchanged: 0, failed: 0, failures: [] }) as unknown as BulkProgress;
    const end = told?.eventType === 'ended' ? (told.eventData as unknown as BulkEnd) : undefined;
    const lastMs = (told ?? begun).timestamp.getTime();
    const isSilent = this.#engine.clock.nowMs() - lastMs > SILENT_MS;
    return {
      id,
      state: end?.state ?? (isSilent ? 'interrupted' : 'running'),
      ...begin,
      startedAtMs: begun.timestamp.getTime(),
      endedAtMs: end !== undefined || isSilent ? lastMs : null,
      ...progress,
      remaining: begin.total - progress.done - progress.unchanged - progress.failed,
      error: end?.error ?? null,
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

  async #events(id: string): Promise<readonly RecordedEvent[]> {
    // `index` is a stream of its own, and no bulk act.
    if (!/^[\da-f-]{36}$/.test(id)) return [];
    const events: RecordedEvent[] = [];
    for await (const event of this.#engine.events.store.read(nameOf(id))) events.push(event);
    return events;
  }
}
