import { AmendsError } from '../errors.ts';
import type { EventBackend } from './backend.ts';
import { isOfTransactions, refuseTransactions } from './shards.ts';
import type { Subscription, SubscriptionStatus } from './subscription.ts';
import { createEventSubscriptions, type EventSubscriptions } from './typed-subscriptions.ts';

type Opened = ReturnType<typeof createEventSubscriptions>;

/** How a subscription stands that is one in each shard. Partitions of the same number are of different shards, in their order. */
function together(some: readonly SubscriptionStatus[]): SubscriptionStatus {
  return {
    name: some[0]!.name,
    paused: some.every(({ paused }) => paused),
    partitions: some.flatMap(({ partitions }) => partitions),
    parked: some.reduce((sum, { parked }) => sum + parked, 0),
    lag: {
      events: some.reduce((sum, { lag }) => sum + lag.events, 0),
      seconds: Math.max(...some.map(({ lag }) => lag.seconds)),
    },
  };
}

/** One subscription over those of the shards: each has its own checkpoints, and a transaction is in one of them, so its events stay in order. */
function joined(name: string, shards: readonly Subscription[]): Subscription {
  const each = <T>(work: (shard: Subscription) => Promise<T>): Promise<T[]> => Promise.all(shards.map(work));
  const subscription: Subscription = {
    name,
    pause: async () => void (await each((shard) => shard.pause())),
    resume: async () => void (await each((shard) => shard.resume())),
    status: async () => together(await each((shard) => shard.status())),
    async deadLetters(options) {
      const letters = (await each((shard) => shard.deadLetters(options))).flat();
      return letters.toSorted((a, b) => a.parkedAt.getTime() - b.parkedAt.getTime()).slice(0, options?.limit);
    },
    async replay() {
      const results = await each((shard) => shard.replay());
      return {
        replayed: results.reduce((sum, { replayed }) => sum + replayed, 0),
        failed: results.flatMap(({ failed }) => failed),
      };
    },
    caughtUp: async (options) => void (await each((shard) => shard.caughtUp(options))),
    close: async () => void (await each((shard) => shard.close())),
    [Symbol.asyncDispose]: () => subscription.close(),
  };
  return Object.freeze(subscription);
}

/** Subscriptions, with those to the events of transactions in the shards where these are. */
function overShards(own: EventSubscriptions, backends: readonly EventBackend[], shards: readonly EventSubscriptions[]): EventSubscriptions {
  /** Those that know it: of the shards all or none, and the first was asked last. */
  const placesOf = async (name: string): Promise<readonly EventSubscriptions[]> =>
    (await backends[0]!.subscriptions.list(name)).length > 0 ? shards : [own];
  const each = async (name: string, work: (place: EventSubscriptions) => Promise<void>): Promise<void> => {
    await Promise.all((await placesOf(name)).map(work));
  };
  return {
    async subscribe(name, options, handle) {
      const { events, from } = options;
      if (!isOfTransactions(events)) return own.subscribe(name, options, handle);
      if (events!.length > 1) refuseTransactions(events, `subscription "${name}" to several kinds of events`);
      if (typeof from === 'number') {
        throw new AmendsError(
          'INVALID_OPTION',
          `subscription "${name}": from is ${from}, but the transactions are divided among shards whose positions differ: give 'start' or 'end'`,
        );
      }
      const begun: Subscription[] = [];
      try {
        // From the last to the first, by which the others are found.
        for (const shard of shards.toReversed()) begun.unshift(await shard.subscribe(name, options, handle));
      } catch (error) {
        await Promise.all(begun.map((one) => one.close()));
        throw error;
      }
      return joined(name, begun);
    },
    async subscriptions() {
      const [mine = [], ...others] = await Promise.all([own, ...shards].map((place) => place.subscriptions()));
      const theirs = others.flat();
      const names = [...new Set(theirs.map(({ name }) => name))];
      return [...mine, ...names.map((name) => together(theirs.filter((one) => one.name === name)))];
    },
    pauseSubscription: (name) => each(name, (place) => place.pauseSubscription(name)),
    resumeSubscription: (name) => each(name, (place) => place.resumeSubscription(name)),
    removeSubscription: (name) => each(name, (place) => place.removeSubscription(name)),
  };
}

/** The subscriptions of a backend. @param own the same without its shards */
export function openSubscriptions({ shards }: EventBackend, own: EventBackend, onError: (error: unknown, what: string) => void): Opened {
  const mine = createEventSubscriptions({ backend: own, onError });
  if (shards === undefined) return mine;
  const theirs = shards.map((backend) => createEventSubscriptions({ backend, onError }));
  return {
    subscriptions: overShards(
      mine.subscriptions,
      shards,
      theirs.map(({ subscriptions }) => subscriptions),
    ),
    running: mine.running,
    async close() {
      await Promise.all([mine, ...theirs].map((one) => one.close()));
    },
  };
}
