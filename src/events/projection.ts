import { setTimeout as delay } from 'node:timers/promises';
import type { SqlExecutor } from '../connections/sql.ts';
import { AmendsError } from '../errors.ts';
import type { LoggedEvent } from './global-log.ts';
import { wasHandled } from './handover.ts';
import type { ProjectionStore, ProjectionVersion, ReadModel } from './projection-store.ts';
import type { DecodeEvents, EventContext } from './subscription-context.ts';
import type { Subscription, Subscriptions } from './subscription.ts';
import type { SubscribeOptions } from './subscription-options.ts';

export interface ProjectionContext extends EventContext {
  /** The place of one of its tables in this version: a quoted name for SQL, or a key (on Redis a beginning of keys, if you like). */
  readonly table: (name: string) => string;
  /**
   * Runs a side effect (a mail, a call), but not for events that another version of the projection has met before: a rebuild does not repeat
   * them. At least once.
   */
  readonly effect: (run: () => unknown) => Promise<void>;
}

export interface SetupContext {
  /** Creates the tables of a version, PostgreSQL only. */
  readonly tx: SqlExecutor;
  readonly table: (name: string) => string;
}

/** A read model that events keep up to date. Another `version` is built beside it from the first event on, then takes its place. */
export interface Projection<Event = LoggedEvent> {
  readonly name: string;
  /** Counts up when its code or its tables change. */
  readonly version: number;
  readonly events?: SubscribeOptions['events'];
  /** Names of its tables. In SQL the view of that name shows the version that is live. */
  readonly tables: readonly string[];
  /** PostgreSQL: creates the tables, once for each version, in a transaction. */
  setup?(context: SetupContext): unknown;
  handle(event: Event, context: ProjectionContext): unknown;
}

export type ProjectionOptions = Omit<SubscribeOptions, 'events' | 'from'>;

/** A projection as this process runs it. */
export interface RunningProjection extends AsyncDisposable {
  readonly subscription: Subscription;
  /** Resolves when this version is the one that is read: at once for the first one. */
  live(): Promise<void>;
  close(): Promise<void>;
}

const NAME = /^[a-z][a-z0-9_]{0,47}$/;
const LOOK_MS = 50;
/** Events: a version that is built takes over when it is no further behind than this, which is a matter of a moment. */
const NEAR = 5_000;

/** @throws {AmendsError} INVALID_OPTION */
export function checkProjection({ name, version, tables }: ReadModel): void {
  for (const text of [name, ...tables]) {
    if (typeof text === 'string' && NAME.test(text)) continue;
    throw new AmendsError(
      'INVALID_OPTION',
      `projection ${JSON.stringify(text)}: names are 1 to 48 of a-z, 0-9 and _, starting with a letter`,
    );
  }
  if (!Number.isSafeInteger(version) || version < 1 || version > 9_999) {
    throw new AmendsError('INVALID_OPTION', `projection "${name}": version is ${String(version)}: give a whole number from 1 to 9999`);
  }
}

/** @throws {AmendsError} INVALID_OPTION */
export function tablesOf(store: ProjectionStore, model: ReadModel): (table: string) => string {
  return (table) => {
    if (model.tables.includes(table)) return store.place(model, table);
    throw new AmendsError('INVALID_OPTION', `projection "${model.name}" has no table "${table}": name it in its tables`);
  };
}

export function subscriptionOf({ name, version }: Pick<ReadModel, 'name' | 'version'>): string {
  return `projection.${name}.v${version}`;
}

interface Delivered<Event> {
  readonly event: Event;
  readonly logged: LoggedEvent;
  /** Shared by the events of a batch: asked for once, in its transaction. */
  readonly batch: { versions?: Promise<readonly ProjectionVersion[]> };
}

/** The projections of one connection. */
export class Projections {
  readonly #store: ProjectionStore;
  readonly #subscriptions: Subscriptions;
  readonly #onError: (error: unknown, what: string) => void;

  constructor(store: ProjectionStore, subscriptions: Subscriptions, onError: (error: unknown, what: string) => void) {
    this.#store = store;
    this.#subscriptions = subscriptions;
    this.#onError = onError;
  }

  /**
   * Keeps a read model up to date in this process. A new version is built from the first event on without side effects while the one before
   * goes on; when it has caught up it takes its place.
   *
   * @throws {AmendsError} INVALID_OPTION, NOT_ALLOWED (a newer version is live)
   */
  async run<Event = LoggedEvent>(
    projection: Projection<Event>,
    options: ProjectionOptions = {},
    decode?: DecodeEvents<Event>,
  ): Promise<RunningProjection> {
    checkProjection(projection);
    const { name, version } = projection;
    const table = tablesOf(this.#store, projection);
    const live = (await this.#store.list(name)).find((one) => one.live);
    if (live !== undefined && live.version > version) {
      throw new AmendsError(
        'NOT_ALLOWED',
        `projection "${name}" is live in version ${live.version}: this process has version ${version}, deploy the newer one`,
      );
    }
    await this.#store.create(projection, async (tx) => {
      if (tx !== undefined) await projection.setup?.({ tx, table });
    });
    const closing = new AbortController();
    const isLive = async ({ logged, batch }: Delivered<Event>, tx: SqlExecutor | undefined): Promise<boolean> => {
      const versions = await (batch.versions ??= this.#store.list(name, tx));
      // Paused for a newer version it may still have a batch in work, that it can't commit.
      if (versions.some((one) => one.version > version && one.handover !== undefined)) return false;
      const handover = versions.find((one) => one.version === version)?.handover;
      return handover !== undefined && !wasHandled(handover, logged);
    };
    // Before the transaction of a batch.
    const both = async (logged: readonly LoggedEvent[]): Promise<readonly Delivered<Event>[]> => {
      await this.#follow(projection, logged, closing.signal);
      const decoded = decode === undefined ? (logged as readonly unknown[] as readonly Event[]) : await decode(logged);
      const batch = {};
      return logged.map((one, i) => ({ logged: one, event: decoded[i]!, batch }));
    };
    const sql = this.#subscriptions.kind === 'postgres';
    const { events } = projection;
    const subscription = await this.#subscriptions.subscribe(
      subscriptionOf(projection),
      { ...options, ...(events === undefined ? {} : { events }), from: 'start' },
      (delivered, context) =>
        projection.handle(
          delivered.event,
          // Kept as its prototype: `tx` is a getter that may refuse.
          Object.assign(Object.create(context) as EventContext, {
            table,
            effect: async (run: () => unknown) => {
              if (await isLive(delivered, sql && options.transaction !== false ? context.tx : undefined)) await run();
            },
          }),
        ),
      both,
    );
    const swapped = this.#takeOver(projection, subscription, closing.signal);
    swapped.catch((error: unknown) => {
      if (!closing.signal.aborted) this.#onError(error, `projection "${name}" version ${version}`);
    });
    const running: RunningProjection = {
      subscription,
      live: () => swapped,
      async close() {
        closing.abort();
        await subscription.close();
        await swapped.catch(() => undefined);
      },
      [Symbol.asyncDispose]: () => running.close(),
    };
    return running;
  }

  /** The versions of all read models, or of one. */
  list(name?: string): Promise<readonly ProjectionVersion[]> {
    return this.#store.list(name);
  }

  /** Where a table of the live version is: a quoted name for SQL, or a key of Redis. `undefined`: there is no such projection. */
  async place(name: string, table: string): Promise<string | undefined> {
    const live = (await this.#store.list(name)).find((one) => one.live);
    return live === undefined ? undefined : this.#store.place(live, table);
  }

  /** Deletes an old version, or one whose building was given up. @throws {AmendsError} NOT_ALLOWED (it is live, or it is running) */
  async retire(model: ReadModel): Promise<void> {
    checkProjection(model);
    if ((await this.#store.list(model.name)).some(({ version, live }) => live && version === model.version)) {
      throw new AmendsError(
        'NOT_ALLOWED',
        `projection "${model.name}" version ${model.version} is the one that is read: run a newer one first`,
      );
    }
    await this.#subscriptions.remove(subscriptionOf(model));
    await this.#store.drop(model);
  }

  /**
   * A version that is built never passes the one that is live: what that one has not met yet would be met without its side effects. When it
   * has come so far it takes over.
   */
  async #follow(model: ReadModel, batch: readonly LoggedEvent[], signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const versions = await this.#store.list(model.name);
      const own = versions.find(({ version }) => version === model.version);
      const live = versions.find((one) => one.live);
      if (own === undefined || own.handover !== undefined || live === undefined) return;
      const before = await this.#subscriptions.status(subscriptionOf(live));
      const positions = before.partitions.map(({ position }) => position);
      if (batch.every((event) => wasHandled([{ partitions: positions.length, positions }], event))) return;
      const { partitions } = await this.#subscriptions.status(subscriptionOf(model));
      const near = Math.min(...positions) - NEAR;
      // Other partitions may have far to go: meanwhile the version before goes on.
      if (partitions.every(({ position }) => position >= near)) await this.#handOver(model, live);
      else await delay(LOOK_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** From here on the version before commits nothing: so where it stands is where the side effects of this one begin. */
  async #handOver(model: ReadModel, live: ProjectionVersion): Promise<void> {
    const before = subscriptionOf(live);
    await this.#subscriptions.setPaused(before, true);
    const { partitions } = await this.#subscriptions.status(before);
    const positions = partitions.map(({ position }) => position);
    await this.#store.setHandover(model, [{ partitions: positions.length, positions }]);
  }

  /** Each step can be done again by whoever comes after a crash. */
  async #takeOver(model: ReadModel, subscription: Subscription, signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      const versions = await this.#store.list(model.name);
      const own = versions.find(({ version }) => version === model.version);
      const live = versions.find((one) => one.live);
      if (own?.live === true) return;
      const { lag, partitions } = await subscription.status();
      if (own?.handover === undefined) {
        if (lag.events === 0 && live !== undefined) await this.#handOver(model, live);
        else await delay(LOOK_MS, undefined, { signal });
        continue;
      }
      const reached = Math.max(0, ...own.handover.flatMap(({ positions }) => positions));
      if (partitions.every(({ position }) => position >= reached)) await this.#store.swap(model);
      else await delay(LOOK_MS, undefined, { signal });
    }
  }
}
