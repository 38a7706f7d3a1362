import type { EventBackend } from './events/backend.ts';
import { openEvents, type Events } from './events/open-events.ts';
import { resolveOptions, type ResolvedOptions, type StoreConnectOptions } from './producers/connect-options.ts';
import { storeKindOf } from './producers/store.ts';

/** A connection to an event store. */
export interface EventsConnection extends AsyncDisposable {
  readonly events: Events;
  /** Ends what runs on it, then the connection. Idempotent. */
  close(): Promise<void>;
}

interface Opened {
  readonly backend: EventBackend;
  close(): Promise<void>;
}

async function openOnRedis(url: string, { namespace, limits, storeTimeoutMs, allowUnsafeRedis, log }: ResolvedOptions): Promise<Opened> {
  const [{ openRedisServers }, { openRedisShards }, { createRedisBackends }] = await Promise.all([
    import('./connections/redis-servers.ts'),
    import('./connections/redis-shards.ts'),
    import('./events/redis/backend.ts'),
  ]);
  const onError = (error: Error): void => log.warn({ err: error }, 'redis connection');
  const servers = await openRedisServers(url, { onError, client: { socketTimeout: storeTimeoutMs } });
  try {
    for (const { warnings } of await servers.check({ allowUnsafe: allowUnsafeRedis })) for (const warning of warnings) log.warn(warning);
    const { own, shards } = await openRedisShards(servers, namespace, undefined);
    return { backend: createRedisBackends({ redis: own, namespace, limits }, shards), close: () => servers.close() };
  } catch (error) {
    servers.disconnect();
    throw error;
  }
}

async function openOnSql(url: string | undefined, options: ResolvedOptions): Promise<Opened> {
  const { namespace, limits, storeTimeoutMs, folder, log } = options;
  const [{ openEmbedded }, { openPostgres }, { assertMigrated, migrate }, { createPostgresBackend }] = await Promise.all([
    import('./connections/embedded.ts'),
    import('./connections/postgres.ts'),
    import('./connections/migrate.ts'),
    import('./events/postgres/backend.ts'),
  ]);
  const onError = (error: Error): void => log.warn({ err: error }, 'postgres connection');
  if (url !== undefined && options.migrate) {
    // By a session of its own: behind another process that migrates, a statement of it may take minutes.
    const migrating = await openPostgres(url, { onError, maxConnections: 1, applicationName: 'amends migrate' });
    try {
      await migrate(migrating, namespace);
    } finally {
      await migrating.end();
    }
  }
  const embedded = url === undefined ? await openEmbedded({ folder }) : undefined;
  const pool = embedded?.pool ?? (await openPostgres(url!, { onError, answerTimeoutMs: storeTimeoutMs }));
  const close = (): Promise<void> => (embedded === undefined ? pool.end() : embedded.close());
  try {
    if (embedded !== undefined) await migrate(pool, namespace);
    else if (!options.migrate) await assertMigrated(pool, namespace);
  } catch (error) {
    await close();
    throw error;
  }
  return { backend: createPostgresBackend({ pool, namespace, limits }), close };
}

/**
 * Connects to an event store alone, without sagas and queues: `redis://…` or `rediss://…`, `postgres://…`, or none for the embedded store in a
 * local folder. With sagas too, use `connect()` and its `events`.
 *
 * @param url Default: AMENDS_URL, else the embedded store.
 * @throws {AmendsError} INVALID_OPTION, STORE_UNREACHABLE, STORE_UNSAFE, STORE_LOCKED, MIGRATION_NEEDED
 * @example
 * await using connection = await connectEvents('postgres://localhost/shop');
 * await connection.events.append(orders, 'order-42', [{ type: 'placed', data: { cents: 1200 } }], { expectedVersion: 'none' });
 */
export async function connectEvents(url?: string, options: StoreConnectOptions = {}): Promise<EventsConnection> {
  const resolved = resolveOptions(url, options);
  const kind = storeKindOf(resolved.url);
  const opened =
    kind === 'redis'
      ? await openOnRedis(resolved.url!, resolved)
      : await openOnSql(kind === 'embedded' ? undefined : resolved.url, resolved);
  const { backend } = opened;
  const onError = (error: unknown, what: string): void => resolved.log.error({ err: error }, what);
  const running = openEvents({ backend, limits: resolved.limits, onError });
  let closing: Promise<void> | undefined;
  const shut = async (): Promise<void> => {
    await running.close();
    await backend.close();
    await opened.close();
  };
  const connection: EventsConnection = {
    events: running.events,
    close: () => (closing ??= shut()),
    [Symbol.asyncDispose]: () => connection.close(),
  };
  return Object.freeze(connection);
}

// What goes with it, for those who import `amends/events` alone.
export type { StoreConnectOptions as ConnectEventsOptions } from './producers/connect-options.ts';
export {
  eventStream,
  type EventOf,
  type EventStream,
  type EventStreamBuilder,
  type EventStreamOptions,
  type FoldedStream,
  type KnownEvent,
  type NewEventOf,
  type UnknownEvent,
} from './events/event-stream.ts';
export type { Events } from './events/open-events.ts';
export type { EventSubscriptions, SubscribedEvent, TypedSubscribeOptions } from './events/typed-subscriptions.ts';
export type { EventFollowers, ReactionContext, RelayOptions } from './events/followers.ts';
export type { Projection, ProjectionContext, ProjectionOptions, RunningProjection, SetupContext } from './events/projection.ts';
export type { EventContext } from './events/subscription-context.ts';
export type { Subscription, SubscriptionStatus } from './events/subscription.ts';
export type { DeadLetter, ReplayResult } from './events/dead-letter.ts';
export type { DumpLine } from './events/dump-line.ts';
export type { DumpOptions } from './events/dump.ts';
export type { Restored } from './events/restore.ts';
export type { GlobalLog, LogFilter, LoggedEvent, LogPage, LogPartition, LogReadOptions } from './events/global-log.ts';
export type { EventStreams, Positioned, ReadAllOptions, SeveralAppends, TypedAppendOptions } from './events/events.ts';
export type { Loaded } from './events/load.ts';
export { FORGOTTEN } from './events/personal-data.ts';
export {
  TOMBSTONE,
  type AppendOptions,
  type AppendResult,
  type CallersTransaction,
  type EventStore,
  type ExpectedVersion,
  type NewEvent,
  type ReadOptions,
  type RecordedEvent,
  type StreamAppend,
  type StreamHead,
  type StreamName,
  type StreamState,
  type TombstoneOptions,
} from './events/event-store.ts';
