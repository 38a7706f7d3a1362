import type { RecordedEvent } from './event-store.ts';

/** An event with its place in the order of all events of the store. */
export interface LoggedEvent extends RecordedEvent {
  /** 1, 2, 3, … in the order of the log, over all streams. The events of one stream have rising positions. */
  readonly position: number;
  /** Falls to partition `keyHash % count`. */
  readonly keyHash: number;
}

/** Which part of the log to read: a share of the aggregates, so that several readers keep the order of each aggregate. */
export interface LogPartition {
  /** 0 to `count` - 1. */
  readonly index: number;
  readonly count: number;
}

export interface LogFilter {
  /** Aggregate types: `order`; the journal of the sagas is `transaction`. Default: all but `transaction`. */
  readonly categories?: readonly string[] | undefined;
  /** Default: all aggregates. */
  readonly partition?: LogPartition | undefined;
}

export interface LogReadOptions extends LogFilter {
  /** At most so many events, 1 to 1000. Default 500. */
  readonly limit?: number | undefined;
  /** The mark of the page before, with its position. */
  readonly mark?: string | undefined;
}

export interface LogPage {
  readonly events: readonly LoggedEvent[];
  /** The log was read up to here, events that were filtered out included: read on after it. */
  readonly position: number;
  /** There is more of the log after it. */
  readonly more: boolean;
  /** The position of the newest event of the log. */
  readonly head: number;
  /** Tells what stands at `position` from what may stand there after the store has lost writes (Redis, by a failover). */
  readonly mark: string;
}

/**
 * All events of a store in one order. An event gets its position when the append that stored it has committed, so a reader who has read up to
 * a position has missed nothing before it: neither what slow transactions committed late nor what others rolled back.
 */
export interface GlobalLog {
  /**
   * The events after a position (0: from the start).
   *
   * @throws {AmendsError} STORE_CORRUPT when the log ends before that position, or another event stands there than `mark` says: the store lost
   * writes, or was restored from an older backup; INVALID_OPTION
   */
  read(afterPosition: number, options?: LogReadOptions): Promise<LogPage>;
  /** The position of the newest event; 0 when there is none. */
  head(): Promise<number>;
  /**
   * Resolves when there may be events after a position, at the latest after `timeoutMs`, or when `signal` is aborted. It sleeps in the
   * store, it doesn't poll. Read again after it, whatever woke you.
   */
  wait(afterPosition: number, options: { readonly timeoutMs: number; readonly signal: AbortSignal }): Promise<void>;
  /** Ends what `wait` opened. The connection stays with who opened it. */
  close(): Promise<void>;
}
