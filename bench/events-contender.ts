import { connectEvents, type EventsConnection, type NewEvent } from 'amends';

/** One side of a comparison of event stores. */
export interface EventContender {
  /** Stores `size` events of one aggregate in one step. `lane`: one of those that do so at the same time. */
  append(lane: number, size: number): Promise<void>;
  /** Reads all events in order, and gives how many it met. */
  readAll(): Promise<number>;
  close(): Promise<void>;
}

/** An aggregate gets so many appends, then comes the next one. */
const APPENDS_PER_AGGREGATE = 20;
export const PAGE = 500;

export function payload(): { readonly text: string; readonly cents: number } {
  return { text: 'x'.repeat(70), cents: 1_200 };
}

/** Where each lane stands. */
export class Aggregates {
  readonly #lanes = new Map<number, { id: string; appends: number; version: number }>();
  #made = 0;

  /** The aggregate to append to, and its version. */
  next(lane: number, size: number): { readonly id: string; readonly version: number } {
    let at = this.#lanes.get(lane);
    if (at === undefined || at.appends === APPENDS_PER_AGGREGATE) at = { id: `order-${++this.#made}`, appends: 0, version: 0 };
    this.#lanes.set(lane, { id: at.id, appends: at.appends + 1, version: at.version + size });
    return at;
  }
}

/** Amends with its defaults; with somebody who gives the events their positions meanwhile, as every subscriber does. */
export class AmendsEvents implements EventContender {
  readonly #connection: EventsConnection;
  readonly #aggregates = new Aggregates();
  readonly #stop = new AbortController();
  readonly #numbering: Promise<void>;
  #readers = 0;

  private constructor(connection: EventsConnection, sequencer: boolean) {
    this.#connection = connection;
    this.#numbering = sequencer ? this.#number() : Promise.resolve();
  }

  static async open(url: string, { sequencer }: { readonly sequencer: boolean }): Promise<AmendsEvents> {
    return new AmendsEvents(await connectEvents(url, { namespace: 'bench', allowUnsafeRedis: true }), sequencer);
  }

  async append(lane: number, size: number): Promise<void> {
    const { id, version } = this.#aggregates.next(lane, size);
    const events = Array.from({ length: size }, (): NewEvent => ({ eventType: 'placed', eventData: payload() }));
    await this.#connection.events.store.append({ aggregateType: 'order', aggregateId: id }, events, { expectedVersion: version });
  }

  async readAll(): Promise<number> {
    let met = 0;
    const count = (): void => void met++;
    const subscription = await this.#connection.events.subscribe(`bench-${++this.#readers}`, { from: 'start', batch: PAGE }, count);
    await subscription.caughtUp();
    await subscription.close();
    return met;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#numbering;
    await this.#connection.close();
  }

  async #number(): Promise<void> {
    const { log } = this.#connection.events;
    const { signal } = this.#stop;
    while (!signal.aborted) await log.wait(await log.head(), { timeoutMs: 1_000, signal });
  }
}
