import type { PayloadLimits } from '../flows/json.ts';
import type { EventBackend } from './backend.ts';
import { createEventFollowers, type EventFollowers } from './followers.ts';
import { createEventStreams, type EventStreams } from './events.ts';
import { openSubscriptions } from './shard-subscriptions.ts';
import { withoutTransactions } from './shards.ts';
import type { EventSubscriptions } from './typed-subscriptions.ts';

/** Streams of events, those who follow them, and what they lead to. */
export interface Events extends EventStreams, EventSubscriptions, EventFollowers {}

export interface OpenEventsOptions {
  readonly backend: EventBackend;
  readonly limits: PayloadLimits;
  /** Trouble with a subscription. */
  readonly onError: (error: unknown, what: string) => void;
}

export interface OpenedEvents {
  readonly events: Events;
  readonly close: () => Promise<void>;
}

/** The event store over one backend. `close` ends the subscriptions of this process; the backend stays with who opened it. */
export function openEvents({ backend: given, limits, onError }: OpenEventsOptions): OpenedEvents {
  const backend = withoutTransactions(given);
  const { subscriptions, running, close } = openSubscriptions(given, backend, onError);
  const { followers, close: closeFollowers } = createEventFollowers({ backend, running, subscriptions, onError });
  const events = Object.freeze({ ...createEventStreams({ backend, limits }), ...subscriptions, ...followers });
  return {
    events,
    async close() {
      await closeFollowers();
      await close();
    },
  };
}
