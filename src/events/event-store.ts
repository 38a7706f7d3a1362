import type { BarrierExecutor } from '../barrier/executor.ts';
import type { SqlExecutor } from '../connections/sql.ts';
import type { Json } from '../flows/json.ts';

/** Names a stream: all events of one aggregate. */
export interface StreamName {
  /** Kind of aggregate, `order` for example. The category `transaction` is the journal's. */
  readonly aggregateType: string;
  /** 1 to 512 bytes of UTF-8, any characters but NUL; upper and lower case differ. */
  readonly aggregateId: string;
}

export interface NewEvent {
  /** Unique over all streams; appending the same event again is then harmless. Default: a random UUID. */
  readonly eventId?: string;
  readonly eventType: string;
  /** Plain JSON. */
  readonly eventData: Json;
  /** Version of the schema `eventData` follows. Default 1. */
  readonly schemaVersion?: number;
  /** Correlation, causation, actor and the like. Default `{}`. */
  readonly metadata?: Readonly<Record<string, Json>>;
}

export interface RecordedEvent extends StreamName {
  readonly eventId: string;
  /** Position in the stream: 1, 2, 3, … without gaps. */
  readonly version: number;
  readonly eventType: string;
  readonly eventData: Json;
  readonly schemaVersion: number;
  readonly metadata: Readonly<Record<string, Json>>;
  /** When it was stored, by the store's clock. */
  readonly timestamp: Date;
}

/** What the writer believes of the stream: its version, that it has none (`none`), that it has some (`exists`), or nothing (`any`). */
export type ExpectedVersion = number | 'none' | 'exists' | 'any';

/**
 * The caller's open SQL transaction: a client of `pg` in one, or what `drizzleExecutor`, `kyselyExecutor`, `knexExecutor`, `prismaExecutor`
 * and `typeormExecutor` of `amends/barrier` make of theirs.
 */
export type CallersTransaction = SqlExecutor | BarrierExecutor;

export interface AppendOptions {
  readonly expectedVersion: ExpectedVersion;
  /** The caller's open SQL transaction (PostgreSQL only): the events are stored if and when it commits. */
  readonly tx?: CallersTransaction | undefined;
}

export interface AppendResult {
  /** Version of the first event of the batch. */
  readonly firstVersion: number;
  /** Version of the last one. */
  readonly lastVersion: number;
  /** `true`: all events had been stored before, under these versions; nothing was written now. */
  readonly duplicate: boolean;
}

export interface ReadOptions {
  /** First version to give. Default 1. */
  readonly fromVersion?: number;
  /** Last version to give. Default: the newest. */
  readonly toVersion?: number;
}

/** A part of an append to several streams. */
export interface StreamAppend {
  readonly stream: StreamName;
  readonly events: readonly NewEvent[];
  readonly expectedVersion: ExpectedVersion;
}

/** `closed`: it takes no more events. `tombstoned`: they are deleted as well, and its id is used up. */
export type StreamState = 'open' | 'closed' | 'tombstoned';

export interface StreamHead {
  /** Version of the newest event. */
  readonly version: number;
  /** The events before this one were archived; of a tombstoned stream it is the only one. */
  readonly firstVersion: number;
  readonly state: StreamState;
}

/** The type of the last event of a tombstoned stream; `eventData` has the `reason`. */
export const TOMBSTONE = '$tombstoned';

export interface TombstoneOptions {
  /** Kept in the last event. */
  readonly reason?: string | undefined;
  /** Metadata of the last event. */
  readonly metadata?: Readonly<Record<string, Json>> | undefined;
}

/** Append-only streams of events, one per aggregate. */
export interface EventStore {
  /**
   * Appends a batch, all or nothing. Checks in this order: empty batch, ids repeated in it, ids that were stored before (all of them, equal and
   * in order: the original versions, `duplicate: true`), then the expected version.
   *
   * @throws {AmendsError} EMPTY_BATCH, REPEATED_EVENT_ID, EVENT_ID_REUSED (other content, order or stream), PARTIAL_DUPLICATE (only some
   * were stored before), STREAM_CLOSED (`details: { state }`), WRONG_EXPECTED_VERSION (`details: { expected, actual }`), PAYLOAD_NOT_JSON,
   * PAYLOAD_TOO_LARGE, INVALID_ID
   */
  append(stream: StreamName, events: readonly NewEvent[], options: AppendOptions): Promise<AppendResult>;
  /**
   * Appends to several streams, all or nothing, whatever the order they are given in: two that name the same streams don't block each other
   * for good. Results are in the order of `appends`.
   *
   * @throws {AmendsError} as `append`; INVALID_OPTION when a stream is named twice
   */
  appendAll(appends: readonly StreamAppend[], options?: Pick<AppendOptions, 'tx'>): Promise<readonly AppendResult[]>;
  /**
   * The events of a stream in order, archived ones too. A stream that doesn't exist has none; a tombstoned one has its last event
   * ({@link TOMBSTONE}). Reads in pages; stop early with `break`.
   */
  read(stream: StreamName, options?: ReadOptions): AsyncIterable<RecordedEvent>;
  /** Where a stream stands; `undefined`: there is none. */
  head(stream: StreamName): Promise<StreamHead | undefined>;
  /** Ends a stream: it stays as it is and takes no more events. @throws {AmendsError} STREAM_NOT_FOUND */
  closeStream(stream: StreamName): Promise<StreamHead>;
  /**
   * Moves the events up to a version (default: all there are) to cheaper storage: another table, or on Redis compressed packs. They are read
   * as before, and their ids are still known. More can be appended afterwards unless the stream is closed.
   *
   * @throws {AmendsError} STREAM_NOT_FOUND, STREAM_CLOSED (tombstoned)
   */
  archive(stream: StreamName, options?: { readonly toVersion?: number | undefined }): Promise<StreamHead>;
  /**
   * Deletes a stream for good: one last event says so to those who follow it, all others are deleted with their ids and snapshots, and its id
   * can't be used again. Doing it twice is harmless.
   *
   * @throws {AmendsError} STREAM_NOT_FOUND
   */
  tombstone(stream: StreamName, options?: TombstoneOptions): Promise<StreamHead>;
  /**
   * Another text when the store may have lost its newest events, so that their versions can have been given to others: after a failover and
   * after every start of Redis. On PostgreSQL it stays the same. Keep it beside versions that you remember (in a cache, in a read model that no
   * subscription feeds), and read again when it has changed. Subscriptions notice by themselves.
   */
  epoch(): Promise<string>;
}
