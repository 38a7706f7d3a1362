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

export interface AppendOptions {
  readonly expectedVersion: ExpectedVersion;
  /** The caller's open SQL transaction (PostgreSQL only): the events are stored if and when it commits. */
  readonly tx?: SqlExecutor | undefined;
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

/** Append-only streams of events, one per aggregate. */
export interface EventStore {
  /**
   * Appends a batch, all or nothing. Checks in this order: empty batch, ids repeated in it, ids that were stored before (all of them, equal and
   * in order: the original versions, `duplicate: true`), then the expected version.
   *
   * @throws {AmendsError} EMPTY_BATCH, REPEATED_EVENT_ID, EVENT_ID_REUSED (other content, order or stream), PARTIAL_DUPLICATE (only some
   * were stored before), WRONG_EXPECTED_VERSION (`details: { expected, actual }`), PAYLOAD_NOT_JSON, PAYLOAD_TOO_LARGE, INVALID_ID
   */
  append(stream: StreamName, events: readonly NewEvent[], options: AppendOptions): Promise<AppendResult>;
  /** The events of a stream in order. A stream that doesn't exist has none. Reads in pages; stop early with `break`. */
  read(stream: StreamName, options?: ReadOptions): AsyncIterable<RecordedEvent>;
}
