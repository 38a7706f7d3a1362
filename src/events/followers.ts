import type { EventBackend } from './backend.ts';
import type { AnyEventStream } from './event-stream.ts';
import type { LoggedEvent } from './global-log.ts';
import type { RecordedEvent } from './event-store.ts';
import type { InlineProjection } from './inline-projection.ts';
import { addJob, type JobQueue, type OutboxJob } from './outbox.ts';
import type { ProjectionVersion, ReadModel } from './projection-store.ts';
import { Projections, type Projection, type ProjectionOptions, type RunningProjection } from './projection.ts';
import { refuseTransactions } from './shards.ts';
import { reactionId } from './reaction.ts';
import type { EventContext } from './subscription-context.ts';
import type { Subscription, Subscriptions } from './subscription.ts';
import { decoderOf, type EventSubscriptions, type SubscribedEvent, type TypedSubscribeOptions } from './typed-subscriptions.ts';

type Source = AnyEventStream | string;

export interface ReactionContext extends EventContext {
  /**
   * An id that follows from the event, to start something by: a saga's `id`, a job's `jobId`. On every delivery it is the same, so what it
   * names is started once. `part` tells several apart.
   */
  readonly id: (part?: string) => string;
}

export interface RelayOptions<Of extends Source> extends Omit<TypedSubscribeOptions<Of>, 'transaction'> {
  /** Your BullMQ queue. Its jobs are those that the events become. */
  readonly queue: JobQueue;
  /** The job of an event; `undefined`: none. Default: named as the event's type, with the event as its data. */
  readonly job?: (event: SubscribedEvent<Of>) => OutboxJob | undefined;
}

type Typed<Of, Definition> = Omit<Definition, 'events' | 'decode'> & { readonly events: readonly Of[] };

/** What events lead to: read models, sagas, jobs. */
export interface EventFollowers {
  /**
   * Keeps a read model up to date in this process. A new version is built from the first event on without side effects while the one before
   * goes on; when it has caught up it takes its place.
   *
   * @throws {AmendsError} INVALID_OPTION, NOT_ALLOWED (a newer version is live)
   * @example
   * await events.project({
   *   name: 'order_totals', version: 1, events: [orders], tables: ['order_totals'],
   *   setup: ({ tx, table }) => tx.query(`CREATE TABLE ${table('order_totals')} (id text PRIMARY KEY, cents integer NOT NULL)`),
   *   handle: (event, { tx, table }) => tx.query(`INSERT INTO ${table('order_totals')} VALUES ($1, $2)`, [event.aggregateId, event.data.cents]),
   * });
   */
  project<const Of extends Source>(
    projection: Typed<Of, Projection<SubscribedEvent<Of>>>,
    options?: ProjectionOptions,
  ): Promise<RunningProjection>;
  /**
   * Keeps a read model up to date in the transaction of each append of this process: it is never behind. Call it before the first append, in
   * every process that appends such events. PostgreSQL and the embedded store.
   *
   * @throws {AmendsError} INVALID_OPTION, NOT_ALLOWED (on Redis; a newer version is live)
   */
  projectInline<const Of extends AnyEventStream | string>(
    projection: Typed<Of, InlineProjection<Of extends AnyEventStream ? SubscribedEvent<Of> : RecordedEvent>>,
  ): Promise<void>;
  /** The versions of read models there are. */
  projections(name?: string): Promise<readonly ProjectionVersion[]>;
  /** Where a table of the live version of a projection is: a quoted name for SQL, or a key of Redis. */
  projectionTable(name: string, table: string): Promise<string | undefined>;
  /** Deletes a version that is no longer read, or was never finished, with its tables. @throws {AmendsError} NOT_ALLOWED */
  retireProjection(model: ReadModel): Promise<void>;
  /**
   * Starts things because of events, exactly once in effect: by `id`, which follows from the event. A job is known by its id for as long as it
   * is in its queue or among those that have finished there.
   *
   * @example
   * await events.react('shipping', { events: [orders], from: 'start' }, async (event, { id }) => {
   *   if (event.type === 'paid') await amends.start(shippingSaga, { orderId: event.aggregateId }, { id: id() });
   * });
   */
  react<const Of extends Source = string>(
    name: string,
    options: TypedSubscribeOptions<Of>,
    handle: (event: SubscribedEvent<Of>, context: ReactionContext) => unknown,
  ): Promise<Subscription>;
  /**
   * An outbox: events that were appended in your SQL transaction become jobs of a BullMQ queue, at least once, those of an aggregate in order.
   * The id of a job follows from the event's, so one that is added again is the same job.
   *
   * @example await events.relay('to-billing', { events: [orders], from: 'start', queue: new Queue('billing', { connection }) });
   */
  relay<const Of extends Source = string>(name: string, options: RelayOptions<Of>): Promise<Subscription>;
}

export interface EventFollowersOptions {
  readonly backend: EventBackend;
  readonly running: Subscriptions;
  readonly subscriptions: Pick<EventSubscriptions, 'subscribe'>;
  readonly onError: (error: unknown, what: string) => void;
}

export function createEventFollowers({ backend, running, subscriptions, onError }: EventFollowersOptions): {
  readonly followers: EventFollowers;
  readonly close: () => Promise<void>;
} {
  const projections = new Projections(backend.projections, running, onError);
  const projected = new Set<RunningProjection>();

  const followers: EventFollowers = {
    async project(projection, options) {
      if (backend.shards !== undefined) refuseTransactions(projection.events, `projection "${projection.name}"`);
      const decode = decoderOf(projection.events, backend.subjectKeys);
      const started = await projections.run(projection, options, decode);
      projected.add(started);
      return started;
    },
    projectInline(projection) {
      const shown = decoderOf(projection.events, backend.subjectKeys);
      const decode = (events: readonly RecordedEvent[]) => shown(events as readonly LoggedEvent[]);
      return backend.inline.add({ ...(projection as unknown as InlineProjection), decode });
    },
    projections: (name) => projections.list(name),
    projectionTable: (name, table) => projections.place(name, table),
    retireProjection: (model) => projections.retire(model),

    react: (name, options, handle) =>
      subscriptions.subscribe(name, { transaction: false, ...options }, (event, context) => {
        const { eventId }: LoggedEvent = event;
        const id = (part?: string): string => reactionId(name, eventId, part);
        // Kept as its prototype: `tx` is a getter that may refuse.
        return handle(event, Object.assign(Object.create(context) as EventContext, { id }));
      }),

    relay: (name, { queue, job = () => ({}), ...options }) =>
      subscriptions.subscribe(name, { ...options, transaction: false }, async (event) => {
        const wanted = job(event);
        if (wanted !== undefined) await addJob(queue, event, wanted);
      }),
  };
  return {
    followers,
    async close() {
      await Promise.all([...projected].map((one) => one.close()));
    },
  };
}
