import { isAmendsError } from '../errors.ts';
import type { GlobalLog } from '../events/global-log.ts';
import { TRANSACTION } from '../journal/journal.ts';
import type { Status } from '../machine/state.ts';
import type { Engine } from '../producers/engine.ts';

/** A transaction has a new version. */
export interface TransactionChange {
  readonly id: string;
  readonly version: number;
  readonly status: Status;
  readonly saga: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly updatedAtMs: number;
}

/** What a follower is told, with the place from where it can go on once it has all of it. */
export type Changes =
  | { readonly place: string; readonly changes: readonly TransactionChange[] }
  /** Changes may have been missed. */
  | { readonly place: string; readonly reset: string };

/** How many events behind a follower may be and still be told each of them. */
const MOST_BEHIND = 5_000;
const LOOK_AGAIN_MS = 15_000;
const AFTER_ERROR_MS = 1_000;
const PAGE = 500;

type Listener = (changes: Changes) => void;

/** The logs that transactions are in: one, or one for each shard. */
function logsOf({ events }: Engine): readonly GlobalLog[] {
  return events.shards?.map(({ log }) => log) ?? [events.log];
}

/** A place as a text: the positions in the logs. */
function placeOf(positions: readonly number[]): string {
  return positions.join('.');
}

function positionsIn(place: string, logs: number): readonly number[] | undefined {
  const positions = place.split('.').map((part) => (/^\d{1,15}$/.test(part) ? Number(part) : Number.NaN));
  return positions.length === logs && positions.every(Number.isSafeInteger) ? positions : undefined;
}

/**
 * Follows the changes of all transactions for many listeners, by one live tail of each log. It reads only while somebody listens, and sleeps in
 * the store between.
 */
export class ChangeFeed {
  readonly #engine: Engine;
  readonly #listeners = new Set<Listener>();
  #running: { readonly stop: AbortController; readonly done: Promise<unknown>; readonly begun: Promise<number[]> } | undefined;
  #closed = false;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /**
   * Tells a listener of each change from now on, or from a place that it was told before; call the result to stop.
   *
   * @throws {AmendsError} STORE_UNREACHABLE
   */
  async follow(listener: Listener, place?: string): Promise<() => void> {
    // It hears of what comes while it catches up, and is told twice rather than not at all.
    const held: Changes[] = [];
    let live = false;
    const tell: Listener = (changes) => {
      if (live) listener(changes);
      else held.push(changes);
    };
    this.#listeners.add(tell);
    try {
      const positions = [...(await this.#tail())];
      const from = place === undefined ? undefined : positionsIn(place, logsOf(this.#engine).length);
      if (place !== undefined && from === undefined) listener({ place: placeOf(positions), reset: 'this place is not one of ours' });
      if (from !== undefined) await this.#catchUp(from, positions, listener);
      live = true;
      for (const changes of held) listener(changes);
    } catch (error) {
      this.#leave(tell);
      throw error;
    }
    return () => this.#leave(tell);
  }

  /** Where a listener that begins now is. */
  async place(): Promise<string> {
    return placeOf(await Promise.all(logsOf(this.#engine).map((log) => log.head())));
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#listeners.clear();
    this.#running?.stop.abort();
    await this.#running?.done;
  }

  #leave(listener: Listener): void {
    this.#listeners.delete(listener);
    if (this.#listeners.size > 0) return;
    this.#running?.stop.abort();
    this.#running = undefined;
  }

  /** Where the tail is: begun now, if nobody listened before. */
  #tail(): Promise<number[]> {
    if (this.#running === undefined) {
      const stop = new AbortController();
      const logs = logsOf(this.#engine);
      const begun = Promise.all(logs.map((log) => log.head()));
      const done = begun
        .then((positions) => Promise.all(logs.map((log, i) => this.#follow(log, i, positions, stop.signal))))
        .catch(() => undefined);
      const running = { stop, done, begun };
      this.#running = running;
      // Nobody may wait for a beginning that failed.
      begun.catch(() => {
        if (this.#running === running) this.#running = undefined;
      });
    }
    return this.#running.begun;
  }

  async #follow(log: GlobalLog, i: number, positions: number[], signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.#closed) {
      try {
        const page = await log.read(positions[i]!, { categories: [TRANSACTION], limit: PAGE });
        if (signal.aborted) return;
        const changes = await this.#present(new Set(page.events.map(({ aggregateId }) => aggregateId)));
        if (signal.aborted) return;
        // Not before, and in one go: a place must never be beyond what was told, and the followers of other shards tell it too.
        positions[i] = page.position;
        if (changes.length > 0) this.#tellAll({ place: placeOf(positions), changes });
        if (!page.more) await log.wait(page.position, { timeoutMs: LOOK_AGAIN_MS, signal });
      } catch (error) {
        if (signal.aborted) return;
        // The log was set back: what was told may never have been.
        const head = isAmendsError(error, 'STORE_CORRUPT') ? await log.head().catch(() => undefined) : undefined;
        if (head !== undefined) {
          positions[i] = head;
          this.#tellAll({ place: placeOf(positions), reset: 'the store lost writes' });
        } else {
          this.#engine.log.warn({ err: error }, 'changes: the log could not be read');
          await pause(AFTER_ERROR_MS, signal);
        }
      }
    }
  }

  /** What happened between two places. */
  async #catchUp(from: readonly number[], to: readonly number[], listener: Listener): Promise<void> {
    const behind = to.reduce((sum, position, i) => sum + position - (from[i] ?? 0), 0);
    const missed = (reset: string): void => listener({ place: placeOf(to), reset });
    if (behind > MOST_BEHIND || to.some((position, i) => (from[i] ?? 0) > position)) return missed('too much has happened since');
    const ids = new Set<string>();
    for (const [i, log] of logsOf(this.#engine).entries()) {
      for (let after = from[i]!; after < to[i]!;) {
        const page = await log.read(after, { categories: [TRANSACTION], limit: PAGE });
        for (const { aggregateId } of page.events) ids.add(aggregateId);
        if (page.position <= after) break;
        after = page.position;
      }
    }
    const changes = await this.#present(ids);
    if (changes.length > 0) listener({ place: placeOf(to), changes });
  }

  #tellAll(changes: Changes): void {
    for (const listener of this.#listeners) listener(changes);
  }

  /** How these stand now: several changes of one come as one. A transaction that was purged meanwhile is not told of. */
  async #present(ids: ReadonlySet<string>): Promise<readonly TransactionChange[]> {
    if (ids.size === 0) return [];
    const found = await this.#engine.journal.summaries([...ids]);
    return found.map(({ id, version, status, saga, tags, updatedAtMs }) => ({ id, version, status, saga, tags, updatedAtMs }));
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done);
  });
}
