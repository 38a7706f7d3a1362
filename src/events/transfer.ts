import type { StreamHead, StreamName } from './event-store.ts';
import type { LoggedEvent } from './global-log.ts';

/** What a dump and a restore ask of a store beyond reading. */
export interface EventTransfer {
  /** Partitions are told apart by the hash of this kind of store: another one puts aggregates into others. */
  readonly hash: 'md5' | 'sha1';
  /** The streams that are not as they began: closed, archived or tombstoned ones. */
  heads(): AsyncIterable<StreamName & StreamHead>;
  /**
   * Stores events with the versions, positions and times they had, in the order of their positions, each call all or nothing.
   *
   * @throws {AmendsError} INVALID_INPUT when events of a stream are missing before one of these
   */
  put(events: readonly LoggedEvent[]): Promise<void>;
  /** The last position that was given. */
  putHead(position: number): Promise<void>;
}
