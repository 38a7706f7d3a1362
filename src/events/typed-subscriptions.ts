import type { EventBackend } from './backend.ts';
import { within } from './cause.ts';
import { decodeEvents } from './decode.ts';
import type { AnyEventStream, EventOf } from './event-stream.ts';
import type { LoggedEvent } from './global-log.ts';
import type { SubjectKeys } from './subject-keys.ts';
import type { DecodeEvents, EventContext } from './subscription-context.ts';
import type { SubscribeOptions } from './subscription-options.ts';
import { Subscriptions, type Subscription, type SubscriptionStatus } from './subscription.ts';

/** What a handler gets: of a definition the event as it shows it, beside the words of the store; of the name of a category those words only. */
export type SubscribedEvent<Source> = Source extends AnyEventStream ? EventOf<Source> & LoggedEvent : LoggedEvent;

export interface TypedSubscribeOptions<Source> extends Omit<SubscribeOptions, 'events'> {
  /** Whose events: definitions of streams, or names of categories. `transaction`: the journal of the sagas. Default: all but `transaction`. */
  readonly events?: readonly Source[];
}

/** Those who follow events. */
export interface EventSubscriptions {
  /**
   * Runs a subscription in this process: the handler is called for every event from where the subscription stands, those of one aggregate in
   * order; it goes on where it was after a restart. The processes that run it share its partitions. With `tx` (PostgreSQL) or `write` (Redis)
   * an event takes effect exactly once, else at least once. An event that fails again and again is parked, with the later ones of its
   * aggregate. Events that the handler appends have the same ids on every attempt.
   *
   * @throws {AmendsError} INVALID_OPTION, NOT_ALLOWED (it runs in this process already), CLOSED
   * @example
   * await events.subscribe('billing', { events: [orders], from: 'start', partitions: 8 }, async (event, { tx }) => {
   *   if (event.type === 'paid') await tx.query('INSERT INTO bills (order_id) VALUES ($1)', [event.aggregateId]);
   * });
   */
  subscribe<const Source extends AnyEventStream | string = string>(
    name: string,
    options: TypedSubscribeOptions<Source>,
    handle: (event: SubscribedEvent<Source>, context: EventContext) => unknown,
  ): Promise<Subscription>;
  /** How the subscriptions of the store stand, also those that run in other processes or nowhere. */
  subscriptions(): Promise<readonly SubscriptionStatus[]>;
  /** Stops a subscription in all processes, until it is resumed; also over restarts. @throws {AmendsError} INVALID_OPTION */
  pauseSubscription(name: string): Promise<void>;
  /** @throws {AmendsError} INVALID_OPTION */
  resumeSubscription(name: string): Promise<void>;
  /** Forgets a subscription that runs nowhere: under its name a new one can begin. @throws {AmendsError} INVALID_OPTION, NOT_ALLOWED */
  removeSubscription(name: string): Promise<void>;
}

export interface EventSubscriptionsOptions {
  readonly backend: EventBackend;
  /** Trouble that goes on by itself (the store is away) or waits for a person (an event was parked). */
  readonly onError: (error: unknown, what: string) => void;
}

/** Shows the events of definitions as those do, beside the words of the store; those of other categories stay as they are. */
export function decoderOf(
  sources: readonly (AnyEventStream | string | { readonly name: string })[],
  subjectKeys: SubjectKeys,
): DecodeEvents<LoggedEvent> {
  const definitions = sources.filter((source): source is AnyEventStream => typeof source !== 'string' && 'schemas' in source);
  const names = new Set(definitions.map(({ name }) => name));
  return async (events) => {
    const known = events.filter(({ aggregateType }) => names.has(aggregateType));
    const decoded = await decodeEvents(definitions, known, subjectKeys);
    const shown = new Map(known.map((event, i) => [event, { ...event, ...decoded[i] } as LoggedEvent]));
    return events.map((event) => shown.get(event) ?? event);
  };
}

/** An event's own metadata may be anything. */
function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

export function createEventSubscriptions({ backend, onError }: EventSubscriptionsOptions): {
  readonly subscriptions: EventSubscriptions;
  readonly running: Subscriptions;
  readonly close: () => Promise<void>;
} {
  const running = new Subscriptions({ log: backend.log, store: backend.subscriptions, onError });

  const subscriptions: EventSubscriptions = {
    async subscribe(name, options, handle) {
      const { events = [] } = options;
      const handled = (event: LoggedEvent, context: EventContext): unknown => {
        const { eventId, metadata } = event;
        const cause = {
          key: `${name}:${eventId}`,
          correlationId: textOf(metadata['correlationId']) ?? eventId,
          causationId: eventId,
          actor: `subscription:${name}`,
          traceparent: textOf(metadata['traceparent']),
        };
        return within(
          () => cause,
          () => handle(event as never, context),
        );
      };
      return running.subscribe(name, options, handled, decoderOf(events, backend.subjectKeys));
    },
    subscriptions: () => running.list(),
    pauseSubscription: (name) => running.setPaused(name, true),
    resumeSubscription: (name) => running.setPaused(name, false),
    removeSubscription: (name) => running.remove(name),
  };
  return { subscriptions, running, close: () => running.close() };
}
