import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { AmendsError } from '../errors.ts';
import type { StoredSubscription, SubscriptionStore } from './checkpoint.ts';
import type { DeadLetter, ReplayResult } from './dead-letter.ts';
import type { GlobalLog } from './global-log.ts';
import { Leases } from './lease.ts';
import { contextOf, type DecodeEvents, type EventHandler } from './subscription-context.ts';
import { checkSubscriptionName, resolveSubscription, type SubscribeOptions } from './subscription-options.ts';

export interface SubscriptionStatus extends StoredSubscription {
  /** How far the log is ahead of the slowest partition; events that are not the subscription's count until it has passed them. */
  readonly lag: {
    readonly events: number;
    /** Age of the oldest event it has not reached; 0 when it has reached all. */
    readonly seconds: number;
  };
}

/** A subscription as this process runs it. */
export interface Subscription extends AsyncDisposable {
  readonly name: string;
  /** Stops handling events in all processes: when it resolves, none is committed any more. It lasts until `resume`, also over restarts. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  status(): Promise<SubscriptionStatus>;
  /** The events that were parked, oldest first. */
  deadLetters(options?: { readonly limit?: number }): Promise<readonly DeadLetter[]>;
  /** Handles what was parked, in order; an aggregate whose event fails again stays parked from there on. */
  replay(): Promise<ReplayResult>;
  /**
   * Resolves when every event that is stored now has been handled or parked, by whichever process.
   *
   * @throws {AmendsError} OUTCOME_TIMEOUT
   */
  caughtUp(options?: { readonly timeoutMs?: number }): Promise<void>;
  /** Stops taking events, lets those in work end, and leaves its partitions to other processes. Idempotent. */
  close(): Promise<void>;
}

export interface SubscriptionsOptions {
  readonly log: GlobalLog;
  readonly store: SubscriptionStore;
  /** Trouble that goes on by itself (the store is away) or waits for a person (an event was parked). */
  readonly onError: (error: unknown, what: string) => void;
}

const CATCH_UP_LOOK_MS = 20;
const MOST_LETTERS = 1_000;

function known(name: string, found: readonly StoredSubscription[]): StoredSubscription {
  const [one] = found;
  if (one !== undefined) return one;
  throw new AmendsError('INVALID_OPTION', `there is no subscription "${name}": check its name and the namespace`);
}

/** The subscriptions of one connection. */
export class Subscriptions {
  readonly #options: SubscriptionsOptions;
  readonly #owner = `${hostname()}:${process.pid}:${randomBytes(4).toString('hex')}`;
  readonly #running = new Map<string, Subscription>();
  #closed = false;

  constructor(options: SubscriptionsOptions) {
    this.#options = options;
  }

  /** `postgres`: handlers get `tx`. `redis`: they get `write`. */
  get kind(): SubscriptionStore['kind'] {
    return this.#options.store.kind;
  }

  /**
   * Runs a subscription in this process: `handle` is called for every event of the log from where it stands, those of one aggregate in order.
   * With `tx` or `write` an event takes effect exactly once, else at least once. Resolves when it has taken its share of the partitions.
   *
   * @throws {AmendsError} INVALID_OPTION, NOT_ALLOWED (it runs in this process already), CLOSED
   * @example
   * const billing = await subscriptions.subscribe('billing', { events: [orders], from: 'start', partitions: 8 }, async (event, { tx }) => {
   *   await tx.query('INSERT INTO bills (order_id) VALUES ($1)', [event.aggregateId]);
   * });
   */
  async subscribe(name: string, options: SubscribeOptions, handle: EventHandler): Promise<Subscription>;
  async subscribe<Event>(
    name: string,
    options: SubscribeOptions,
    handle: EventHandler<Event>,
    decode: DecodeEvents<Event>,
  ): Promise<Subscription>;
  async subscribe<Event>(
    name: string,
    options: SubscribeOptions,
    handle: EventHandler<Event>,
    decode?: DecodeEvents<Event>,
  ): Promise<Subscription> {
    const resolved = resolveSubscription(name, options);
    this.#refuseClosed();
    if (this.#running.has(name)) {
      throw new AmendsError(
        'NOT_ALLOWED',
        `subscription "${name}" runs in this process already: close it first, or give this one another name`,
      );
    }
    const { log, store, onError } = this.#options;
    const leases = new Leases({
      log,
      store,
      options: resolved,
      owner: this.#owner,
      handle: handle as EventHandler<unknown>,
      decode,
      onError,
      onParked: ({ position, eventType, aggregateId }, error) =>
        onError(error, `subscription "${name}" parked event ${position} (${eventType} of ${aggregateId}) and will park those after it`),
    });
    const subscription = this.#handleOf(name, leases, handle as EventHandler<unknown>, decode);
    this.#running.set(name, subscription);
    try {
      const { from } = resolved;
      await store.open(name, resolved.partitions, from === 'start' ? 0 : from === 'end' ? await log.head() : from);
      await leases.start();
    } catch (error) {
      this.#running.delete(name);
      await leases.stop();
      throw error;
    }
    return subscription;
  }

  /** All subscriptions of the store, of other processes too. */
  async list(): Promise<readonly SubscriptionStatus[]> {
    return Promise.all((await this.#options.store.list()).map((one) => this.#withLag(one)));
  }

  /** @throws {AmendsError} INVALID_OPTION */
  async status(name: string): Promise<SubscriptionStatus> {
    return this.#withLag(known(name, await this.#options.store.list(checkSubscriptionName(name))));
  }

  /** @throws {AmendsError} INVALID_OPTION */
  async setPaused(name: string, paused: boolean): Promise<void> {
    if (!(await this.#options.store.setPaused(checkSubscriptionName(name), paused))) known(name, []);
  }

  /** Forgets a subscription that runs nowhere, with its checkpoints and what it parked. @throws {AmendsError} NOT_ALLOWED */
  async remove(name: string): Promise<void> {
    const [one] = await this.#options.store.list(checkSubscriptionName(name));
    if (one?.partitions.some(({ owner }) => owner !== undefined) === true) {
      throw new AmendsError('NOT_ALLOWED', `subscription "${name}" is running: close it in every process first`);
    }
    await this.#options.store.remove(name);
  }

  /** Closes all that run in this process. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#running.values()].map((subscription) => subscription.close()));
  }

  #refuseClosed(): void {
    if (this.#closed) throw new AmendsError('CLOSED', 'this connection was closed: connect() again');
  }

  async #withLag(stored: StoredSubscription): Promise<SubscriptionStatus> {
    const { log } = this.#options;
    const head = await log.head();
    const position = Math.min(...stored.partitions.map((one) => one.position));
    const [next] = head > position ? (await log.read(position, { limit: 1 })).events : [];
    const ageMs = next === undefined ? 0 : Math.max(0, Date.now() - next.timestamp.getTime());
    return { ...stored, lag: { events: Math.max(0, head - position), seconds: ageMs / 1_000 } };
  }

  #handleOf(name: string, leases: Leases, handle: EventHandler<unknown>, decode: DecodeEvents<unknown> | undefined): Subscription {
    const { store, log } = this.#options;
    const closing = new AbortController();
    let closed: Promise<void> | undefined;
    const subscription: Subscription = {
      name,
      pause: async () => {
        await this.setPaused(name, true);
        leases.nudge();
      },
      resume: async () => {
        await this.setPaused(name, false);
        leases.nudge();
      },
      status: () => this.status(name),
      deadLetters: ({ limit = MOST_LETTERS } = {}) => store.letters(name, limit),
      replay: () => replay(this.#options, { name, handle, decode, signal: closing.signal }),
      caughtUp: async ({ timeoutMs = 30_000 } = {}) => {
        const deadlineMs = performance.now() + timeoutMs;
        const head = await log.head();
        for (;;) {
          const { partitions } = known(name, await store.list(name));
          const behind = partitions.filter(({ position }) => position < head);
          if (behind.length === 0) return;
          if (performance.now() > deadlineMs) {
            throw new AmendsError(
              'OUTCOME_TIMEOUT',
              `subscription "${name}" is behind position ${head} after ${timeoutMs} ms: look at its status()`,
              {
                details: { behind },
              },
            );
          }
          await delay(CATCH_UP_LOOK_MS);
        }
      },
      close: () =>
        (closed ??= (async () => {
          closing.abort();
          await leases.stop();
          this.#running.delete(name);
        })()),
      [Symbol.asyncDispose]: () => subscription.close(),
    };
    return Object.freeze(subscription);
  }
}

interface Replay {
  readonly name: string;
  readonly handle: EventHandler<unknown>;
  readonly decode: DecodeEvents<unknown> | undefined;
  readonly signal: AbortSignal;
}

async function replay({ store, log }: SubscriptionsOptions, { name, handle, decode, signal }: Replay): Promise<ReplayResult> {
  const failed: { readonly letter: DeadLetter; readonly error: unknown }[] = [];
  const except: number[] = [];
  let replayed = 0;
  const load = async ({ position, aggregateType }: DeadLetter): Promise<readonly unknown[]> => {
    const { events } = await log.read(position - 1, { limit: 1, categories: [aggregateType] });
    // Another one: its stream was purged or tombstoned meanwhile, and there is nothing left to handle.
    if (events[0]?.position !== position) return [];
    return decode === undefined ? events : decode(events);
  };
  while (!signal.aborted) {
    const done = await store.retry(name, except, load, async (found, letter, given) => {
      for (const event of found) await handle(event, contextOf(given, { attempt: letter.attempts + 1, replayed: true, signal }));
    });
    if (done === undefined) break;
    const { letter, outcome, error } = done;
    if (outcome === 'handled') replayed++;
    else except.push(letter.position);
    if (outcome === 'failed') failed.push({ letter, error });
  }
  return { replayed, failed };
}
