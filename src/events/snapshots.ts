import type { Json } from '../flows/json.ts';
import type { StreamName } from './event-store.ts';

/** A stream's state at a version. */
export interface Snapshot {
  readonly version: number;
  readonly state: Json;
}

/** A cache of states, the newest one for each version of a definition. */
export interface Snapshots {
  find(stream: StreamName, schemaVersion: number): Promise<Snapshot | undefined>;
  /** Keeps it unless a newer one is there, or the stream has not come so far, or is gone. */
  save(stream: StreamName, schemaVersion: number, snapshot: Snapshot): Promise<void>;
}
