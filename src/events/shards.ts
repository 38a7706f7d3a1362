import { shardOf } from '../connections/shards.ts';
import { AmendsError } from '../errors.ts';
import type { EventBackend } from './backend.ts';
import type { EventStore, StreamName } from './event-store.ts';

/** The category of the transactions' streams. */
const TRANSACTION = 'transaction';

type Source = string | { readonly name: string };

export function isOfTransactions(sources: readonly Source[] | undefined): boolean {
  return sources?.some((source) => (typeof source === 'string' ? source : source.name) === TRANSACTION) === true;
}

/** @throws {AmendsError} NOT_ALLOWED when the events of transactions are among these */
export function refuseTransactions(sources: readonly Source[] | undefined, what: string): void {
  if (!isOfTransactions(sources)) return;
  throw new AmendsError(
    'NOT_ALLOWED',
    `${what}: the transactions are divided among shards, and each has a log of its own: follow them by subscribe(name, { events: ['transaction'], … }) alone`,
  );
}

/**
 * A backend whose transactions are divided among shards: their streams are read where they are. What goes by the one log of the namespace does not
 * see them, and says so.
 */
export function withoutTransactions(backend: EventBackend): EventBackend {
  const { shards, store, log } = backend;
  if (shards === undefined) return backend;
  const of = ({ aggregateType, aggregateId }: StreamName): EventStore =>
    aggregateType === TRANSACTION ? shards[shardOf(aggregateId, shards.length)]!.store : store;
  return {
    ...backend,
    store: {
      ...store,
      read: (stream, options) => of(stream).read(stream, options),
    },
    log: {
      ...log,
      async read(afterPosition, options = {}) {
        refuseTransactions(options.categories, 'the log');
        return log.read(afterPosition, options);
      },
    },
  };
}
