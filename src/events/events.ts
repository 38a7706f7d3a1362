import type { PayloadLimits } from '../flows/json.ts';
import type { EventBackend } from './backend.ts';
import { checkText } from './batch.ts';
import { presentCause } from './cause.ts';
import { decodeEvents } from './decode.ts';
import type { DumpLine } from './dump-line.ts';
import { dumpEvents, type DumpOptions } from './dump.ts';
import { encodeEvents, type GivenEvent } from './encode.ts';
import type {
  AppendOptions,
  AppendResult,
  CallersTransaction,
  EventStore,
  ExpectedVersion,
  ReadOptions,
  RecordedEvent,
  StreamAppend,
  StreamHead,
  StreamName,
  TombstoneOptions,
} from './event-store.ts';
import type { AnyEventStream, EventOf, NewEventOf, StreamFoldingInto } from './event-stream.ts';
import type { GlobalLog, LoggedEvent } from './global-log.ts';
import { loadState, type Loaded } from './load.ts';
import { restoreEvents, type Restored } from './restore.ts';
import { activeTraceParent } from './trace-parent.ts';

export interface TypedAppendOptions extends AppendOptions {
  /**
   * For each event: `actor` and whatever else is worth keeping. What a saga's step appends gets `correlationId` (the saga's id), `causationId`
   * (the step's idempotency key), `actor` and `traceparent` by itself; what is given here wins.
   */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

/** Collects appends to several streams. */
export interface SeveralAppends {
  append<Stream extends AnyEventStream>(
    stream: Stream,
    aggregateId: string,
    events: readonly NewEventOf<Stream>[],
    options: { readonly expectedVersion: ExpectedVersion },
  ): SeveralAppends;
}

export interface ReadAllOptions<Stream extends AnyEventStream> {
  /** Only the events of these streams. */
  readonly events: readonly Stream[];
  /** The position to read after. Default 0: from the start. */
  readonly afterPosition?: number;
}

/** An event with its place in the order of all events. */
export type Positioned<Event> = Event & { readonly position: number };

/** Streams of events by their definitions. */
export interface EventStreams {
  /**
   * The store below, in the words it stores them: `event_id`, `aggregate_id`, `event_type`, `event_data`, `timestamp`, `version` in SQL,
   * `eventId`, `aggregateId`, … here. It knows no definitions: nothing is checked by a schema, upcast or decrypted.
   */
  readonly store: EventStore;
  /** The order of all events of the store, in the same words. */
  readonly log: GlobalLog;
  /**
   * Appends events to the stream of one aggregate, all or none. Appending the same events with the same ids again changes nothing and gives
   * the original versions. In the action of a saga's step the ids are the same on every attempt, so that its events are stored once.
   *
   * @throws {AmendsError} WRONG_EXPECTED_VERSION (`details: { expected, actual }`): load again, decide again, retry; INVALID_INPUT (a schema),
   * EMPTY_BATCH, REPEATED_EVENT_ID, EVENT_ID_REUSED, PARTIAL_DUPLICATE, STREAM_CLOSED, PAYLOAD_NOT_JSON, PAYLOAD_TOO_LARGE, INVALID_ID,
   * NOT_ALLOWED (`tx` on Redis)
   * @example await events.append(orders, 'order-42', [{ type: 'paid', data: { cents: 1200 } }], { expectedVersion: version });
   */
  append<Stream extends AnyEventStream>(
    stream: Stream,
    aggregateId: string,
    events: readonly NewEventOf<Stream>[],
    options: TypedAppendOptions,
  ): Promise<AppendResult>;
  /**
   * Appends to several streams, all or nothing. Results are in the order of the calls.
   *
   * @throws {AmendsError} as `append`; INVALID_OPTION when a stream is named twice
   * @example
   * await events.appendAll((all) => all
   *   .append(orders, 'order-42', [{ type: 'paid', data }], { expectedVersion: 3 })
   *   .append(accounts, 'c1', [{ type: 'charged', data }], { expectedVersion: 'exists' }));
   */
  appendAll(
    collect: (all: SeveralAppends) => SeveralAppends,
    options?: Pick<TypedAppendOptions, 'tx' | 'metadata'>,
  ): Promise<readonly AppendResult[]>;
  /** The events of an aggregate in order, from a version on (default 1). It reads in pages; stop early with `break`. */
  read<Stream extends AnyEventStream>(stream: Stream, aggregateId: string, options?: ReadOptions): AsyncIterable<EventOf<Stream>>;
  /** All events of these streams in the store's one order, up to the newest. */
  readAll<Stream extends AnyEventStream>(options: ReadAllOptions<Stream>): AsyncIterable<Positioned<EventOf<Stream>>>;
  /**
   * An aggregate's state and the version it is of: what the next `append` expects. Version 0: there is no such aggregate yet.
   *
   * @example const { state, version } = await events.load(orders, 'order-42');
   */
  load<State>(stream: StreamFoldingInto<State>, aggregateId: string): Promise<Loaded<State>>;
  /** Where a stream stands; `undefined`: there is none. */
  head(stream: AnyEventStream, aggregateId: string): Promise<StreamHead | undefined>;
  /** Ends a stream: it stays as it is and takes no more events. @throws {AmendsError} STREAM_NOT_FOUND */
  closeStream(stream: AnyEventStream, aggregateId: string): Promise<StreamHead>;
  /** Moves events to cheaper storage; they are read as before. See {@link EventStore.archive}. */
  archive(stream: AnyEventStream, aggregateId: string, options?: { readonly toVersion?: number }): Promise<StreamHead>;
  /** Deletes a stream for good; its id can't be used again. See {@link EventStore.tombstone}. */
  tombstone(stream: AnyEventStream, aggregateId: string, options?: TombstoneOptions): Promise<StreamHead>;
  /**
   * Destroys the key of a person, in all streams: what was stored of them in `personal` fields reads as `[forgotten]` from now on, for every
   * process. `false`: there is nothing of that person. Read models that were made before must be told, or built anew; so must old backups.
   */
  forget(subject: string): Promise<boolean>;
  /**
   * All events, one object for each line of a file, with their positions, what became of their streams, and where the subscriptions stand.
   * Not the read models of `project`, which are made anew, nor the journal of the sagas: that goes with its queues, by a backup of the whole
   * store.
   *
   * @example for await (const line of events.dump()) file.write(`${JSON.stringify(line)}\n`);
   */
  dump(options?: DumpOptions): AsyncIterable<DumpLine>;
  /**
   * Stores what a dump has in a store without events: they are read as before, and subscriptions go on where they were.
   *
   * @param lines Each line of the dump, parsed.
   * @throws {AmendsError} NOT_ALLOWED (there are events), INVALID_INPUT (no whole dump)
   */
  restore(lines: AsyncIterable<unknown> | Iterable<unknown>): Promise<Restored>;
}

const PAGE = 500;

export interface EventStreamsOptions {
  readonly backend: EventBackend;
  readonly limits?: PayloadLimits | undefined;
}

/** The public face of the event store, over one backend. */
export function createEventStreams({ backend, limits }: EventStreamsOptions): EventStreams {
  const { store, log, snapshots, subjectKeys } = backend;
  const nameOf = (stream: AnyEventStream, aggregateId: string): StreamName => ({ aggregateType: stream.name, aggregateId });

  const metadataFrom = async (given: Readonly<Record<string, unknown>> = {}): Promise<Readonly<Record<string, unknown>>> => {
    const cause = presentCause();
    const traceparent = (await activeTraceParent()) ?? cause?.traceparent;
    const filled = {
      ...(cause === undefined ? {} : { correlationId: cause.correlationId, causationId: cause.causationId }),
      ...(cause?.actor === undefined ? {} : { actor: cause.actor }),
      ...(traceparent === undefined ? {} : { traceparent }),
    };
    return { ...filled, ...given };
  };

  const encoded = async (
    stream: AnyEventStream,
    aggregateId: string,
    events: readonly GivenEvent[],
    options: { readonly metadata: Readonly<Record<string, unknown>>; readonly tx: CallersTransaction | undefined },
  ) => encodeEvents(stream, nameOf(stream, aggregateId), events, { ...options, subjectKeys, limits });

  async function* decoded<Stream extends AnyEventStream, Event extends RecordedEvent>(
    streams: readonly Stream[],
    source: AsyncIterable<Event>,
  ): AsyncGenerator<readonly [Event, EventOf<Stream>], void, undefined> {
    let page: Event[] = [];
    const flush = async function* (): AsyncGenerator<readonly [Event, EventOf<Stream>], void, undefined> {
      const events = page;
      page = [];
      for (const [i, event] of (await decodeEvents(streams, events, subjectKeys)).entries()) yield [events[i]!, event];
    };
    for await (const event of source) {
      page.push(event);
      if (page.length === PAGE) yield* flush();
    }
    yield* flush();
  }

  async function* logged(categories: readonly string[], afterPosition: number): AsyncGenerator<LoggedEvent, void, undefined> {
    for (let position = afterPosition; ;) {
      const page = await log.read(position, { categories, limit: PAGE });
      yield* page.events;
      if (!page.more) return;
      position = page.position;
    }
  }

  return {
    store,
    log,

    async append(stream, aggregateId, events, { expectedVersion, tx, metadata }) {
      const shared = { metadata: await metadataFrom(metadata), tx };
      const stored = await encoded(stream, aggregateId, events, shared);
      return store.append(nameOf(stream, aggregateId), stored, { expectedVersion, tx });
    },

    async appendAll(collect, { tx, metadata } = {}) {
      const wanted: { stream: AnyEventStream; aggregateId: string; events: readonly GivenEvent[]; expectedVersion: ExpectedVersion }[] = [];
      const all: SeveralAppends = {
        append(stream, aggregateId, events, { expectedVersion }) {
          wanted.push({ stream, aggregateId, events, expectedVersion });
          return all;
        },
      };
      collect(all);
      const shared = { metadata: await metadataFrom(metadata), tx };
      const appends: StreamAppend[] = [];
      for (const { stream, aggregateId, events, expectedVersion } of wanted) {
        const stored = await encoded(stream, aggregateId, events, shared);
        appends.push({ stream: nameOf(stream, aggregateId), events: stored, expectedVersion });
      }
      return store.appendAll(appends, { tx });
    },

    async *read(stream, aggregateId, options) {
      for await (const [, event] of decoded([stream], store.read(nameOf(stream, aggregateId), options))) yield event;
    },

    async *readAll({ events: streams, afterPosition = 0 }) {
      const categories = streams.map(({ name }) => name);
      for await (const [{ position }, event] of decoded(streams, logged(categories, afterPosition))) yield { ...event, position };
    },

    load: (stream, aggregateId) => loadState({ store, snapshots, subjectKeys, limits }, stream, nameOf(stream, aggregateId)),

    head: (stream, aggregateId) => store.head(nameOf(stream, aggregateId)),
    closeStream: (stream, aggregateId) => store.closeStream(nameOf(stream, aggregateId)),
    archive: (stream, aggregateId, options) => store.archive(nameOf(stream, aggregateId), options),
    tombstone: (stream, aggregateId, options) => store.tombstone(nameOf(stream, aggregateId), options),
    dump: (options) => dumpEvents(backend, options),
    restore: (lines) => restoreEvents(backend, lines),
    forget: async (subject) => subjectKeys.forget(checkText('the person', subject)),
  };
}
