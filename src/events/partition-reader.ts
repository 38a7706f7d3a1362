import { setTimeout as delay } from 'node:timers/promises';
import { isAmendsError } from '../errors.ts';
import type { HeldPartition, Settled, SubscriptionStore, Tenure } from './checkpoint.ts';
import { errorText } from './dead-letter.ts';
import type { GlobalLog, LoggedEvent } from './global-log.ts';
import { wasHandled } from './handover.ts';
import { contextOf, type DecodeEvents, type EventHandler } from './subscription-context.ts';
import type { ResolvedSubscription } from './subscription-options.ts';

export interface ReaderDependencies {
  readonly log: GlobalLog;
  readonly store: SubscriptionStore;
  readonly options: ResolvedSubscription;
  readonly owner: string;
  readonly handle: EventHandler<unknown>;
  /** What the handler gets in place of an event. */
  readonly decode: DecodeEvents<unknown> | undefined;
  /** Trouble that a person should know of. */
  readonly onError: (error: unknown, what: string) => void;
  /** An event was parked. */
  readonly onParked: (event: LoggedEvent, error: unknown) => void;
}

const WAIT_MS = 30_000;
/** A checkpoint that moved over events of others only is written this often. */
const SAVE_MS = 500;
const STORE_RETRY_MS = 500;
/** The transaction lost to another one: nothing is wrong with the event. */
const TRANSIENT = new Set(['40001', '40P01']);

/** The handler failed on this event of a batch. */
class HandlerFailed extends Error {
  readonly index: number;

  constructor(index: number, cause: unknown) {
    super('the handler failed', { cause });
    this.index = index;
  }
}

/** Works on one partition for as long as its lease lasts. */
export class PartitionReader {
  readonly partition: number;
  readonly epoch: number;
  readonly #dependencies: ReaderDependencies;
  readonly #held: HeldPartition;
  readonly #stopping = new AbortController();
  readonly #done: Promise<void>;
  /** Where the checkpoint stands in the store. */
  #stored: number;
  /** How far the log was read: at or behind what is stored. */
  #position: number;
  #mark: string;
  #savedAtMs = -Infinity;
  #attempts: number;
  #retryAtMs: number;
  #limit: number;
  #mayBeParked: boolean;
  #paused: boolean;
  #leaseUntilMs: number;
  #changed: () => void = () => undefined;
  #over = false;

  constructor(dependencies: ReaderDependencies, held: HeldPartition, leaseUntilMs: number) {
    this.#dependencies = dependencies;
    this.#held = held;
    this.partition = held.partition;
    this.epoch = held.epoch;
    this.#stored = held.position;
    this.#position = held.position;
    this.#mark = held.mark;
    this.#attempts = held.attempts;
    this.#retryAtMs = performance.now() + held.retryInMs;
    this.#limit = held.attempts > 0 ? 1 : dependencies.options.batch;
    this.#mayBeParked = held.parked;
    this.#paused = held.paused;
    this.#leaseUntilMs = leaseUntilMs;
    this.#done = this.#run();
  }

  /** It has lost the partition, or was stopped. */
  get over(): boolean {
    return this.#over;
  }

  /** The lease was renewed until then, by this process's clock that is never set. */
  renewed({ paused }: HeldPartition, leaseUntilMs: number): void {
    this.#leaseUntilMs = leaseUntilMs;
    this.#paused = paused;
    this.#changed();
  }

  /** Ends after what it has in work. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#changed();
    await this.#done;
  }

  get #tenure(): Tenure {
    const { options, owner } = this.#dependencies;
    return { subscription: options.name, partition: this.partition, owner, epoch: this.epoch, position: this.#stored };
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted && !this.#over) {
      try {
        if (this.#paused || performance.now() >= this.#leaseUntilMs) await this.#change();
        else if (performance.now() < this.#retryAtMs) await delay(this.#retryAtMs - performance.now(), undefined, { signal });
        else await this.#turn();
      } catch (error) {
        if (signal.aborted) break;
        this.#dependencies.onError(error, `subscription "${this.#dependencies.options.name}", partition ${this.partition}`);
        // A log that lost writes does not come back by itself: it is said again and again, but not often.
        const pauseMs = isAmendsError(error, 'STORE_CORRUPT') ? 20 * STORE_RETRY_MS : STORE_RETRY_MS;
        await delay(pauseMs, undefined, { signal }).catch(() => undefined);
      }
    }
    // What was read but concerned others need not be read again by the next owner.
    if (!this.#over && this.#position > this.#stored) await this.#save().catch(() => undefined);
    this.#over = true;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#changed = resolve;
      if (this.#stopping.signal.aborted) resolve();
    });
  }

  /** Reads a page, and handles it or waits for more. */
  async #turn(): Promise<void> {
    const { log, options } = this.#dependencies;
    const { partition: index, partitions: count } = this.#held;
    const partition = count === 1 ? undefined : { index, count };
    const page = await log.read(this.#position, { limit: this.#limit, categories: options.categories, partition, mark: this.#mark });
    const events = page.events.filter((event) => !wasHandled(this.#held.handover, event));
    if (events.length > 0) return this.#handle(events, page.position, page.mark);
    this.#position = page.position;
    this.#mark = page.mark;
    const unsaved = this.#position > this.#stored;
    if (unsaved && performance.now() - this.#savedAtMs >= SAVE_MS) this.#settled(await this.#save());
    if (page.more) return;
    await log.wait(this.#position, { timeoutMs: unsaved ? SAVE_MS : WAIT_MS, signal: this.#stopping.signal });
  }

  #save(): Promise<Settled> {
    const batch = { events: [], to: this.#position, mark: this.#mark, mayBeParked: false, transaction: false };
    return this.#dependencies.store.settle(this.#tenure, batch, () => Promise.resolve());
  }

  async #handle(events: readonly LoggedEvent[], to: number, mark: string): Promise<void> {
    const { store, options, handle } = this.#dependencies;
    const { signal } = this.#stopping;
    const attempt = this.#attempts + 1;
    try {
      const decoded = await this.#decoded(events);
      const batch = { events, to, mark, mayBeParked: this.#mayBeParked, transaction: options.transaction };
      const settled = await store.settle(this.#tenure, batch, async (_event, given, index) => {
        try {
          await handle(decoded[index], contextOf(given, { attempt: index === 0 ? attempt : 1, replayed: false, signal }));
        } catch (cause) {
          throw new HandlerFailed(index, cause);
        }
      });
      if (settled === 'moved') {
        this.#position = to;
        this.#mark = mark;
        this.#attempts = 0;
        this.#limit = Math.min(options.batch, 2 * this.#limit);
      }
      this.#settled(settled);
    } catch (error) {
      if (!(error instanceof HandlerFailed)) throw error;
      await this.#failed(events[error.index]!, error);
    }
  }

  /** Before the transaction of the batch: it may ask the store for something, and the embedded one has but one session. */
  async #decoded(events: readonly LoggedEvent[]): Promise<readonly unknown[]> {
    const { decode } = this.#dependencies;
    if (decode === undefined) return events;
    try {
      return await decode(events);
    } catch (error) {
      for (const [index, event] of events.entries()) {
        await decode([event]).catch((cause: unknown) => {
          throw new HandlerFailed(index, cause);
        });
      }
      throw error;
    }
  }

  #settled(settled: Settled): void {
    if (settled === 'moved') {
      this.#stored = this.#position;
      this.#savedAtMs = -Infinity;
    } else if (settled === 'lost') {
      this.#over = true;
    }
  }

  async #failed(event: LoggedEvent, { index, cause }: HandlerFailed): Promise<void> {
    const { store, options, onParked } = this.#dependencies;
    if (this.#stopping.signal.aborted) return; // it may have failed because it was told to end
    if (TRANSIENT.has((cause as { readonly code?: string } | undefined)?.code ?? '')) {
      await delay(Math.random() * 20);
      return;
    }
    if (index > 0) {
      // Those before it first, without it; then it comes alone.
      this.#limit = index;
      return;
    }
    this.#limit = 1;
    const backoffMs = Math.min(options.retryDelayMs * 2 ** Math.min(this.#attempts, 30), options.maxRetryDelayMs);
    const error = errorText(cause);
    const attempts = await store.fail(this.#tenure, error, backoffMs);
    if (attempts === undefined) {
      this.#over = true;
      return;
    }
    this.#attempts = attempts;
    if (attempts < options.attempts) {
      this.#retryAtMs = performance.now() + backoffMs;
      return;
    }
    const settled = await store.park(this.#tenure, event, { attempts, error });
    if (settled === 'moved') {
      this.#position = event.position;
      this.#mark = '';
      this.#attempts = 0;
      this.#mayBeParked = true;
      onParked(event, cause);
    }
    this.#settled(settled);
  }
}
