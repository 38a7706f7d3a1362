import type { SqlPool } from '../../src/connections/sql.ts';
import type { EventBackend } from '../../src/events/backend.ts';
import type { EventStore } from '../../src/events/event-store.ts';
import type { Journal } from '../../src/journal/journal.ts';

/** A store as one process has it. On Redis and PostgreSQL every call of `open` makes connections of its own; embedded has one session. */
export interface OpenStore {
  readonly events: EventStore;
  /** All that the store has for events. */
  readonly backend: EventBackend;
  readonly journal: Journal;
  /** Where the caller's transactions come from; absent on Redis. */
  readonly sql?: SqlPool;
  close(): Promise<void>;
}

/** A fresh database, namespace or folder that nobody else uses. */
export interface Place {
  /** What `connect` takes: a URL, or the folder of the embedded store. */
  readonly url: string;
  /** For people: where to look when a test is red. */
  readonly description: string;
  open(namespace: string): Promise<OpenStore>;
  /** The server's clock, in milliseconds since the epoch, asked past the code under test. */
  serverTimeMs(): Promise<number>;
  /** Names of the keys or tables that still hold this text. */
  traces(text: string): Promise<string[]>;
  /** Cuts the connections on which journals of this place listen. Gives how many; embedded has none. */
  cutListeners(): Promise<number>;
  /** Closes what the place itself has open; with `keep` the data stays. */
  end(options: { readonly keep: boolean }): Promise<void>;
}
