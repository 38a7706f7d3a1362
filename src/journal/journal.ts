import type { SqlExecutor } from '../connections/sql.ts';
import type { Plan } from '../flows/plan.ts';
import type { TransactionEvent } from '../machine/event.ts';
import type { Status } from '../machine/state.ts';
import type { OpenCount } from './open-counts.ts';

/** The category of the event streams that hold transactions: stream `transaction` / id of the transaction. */
export const TRANSACTION = 'transaction';

/** An event of a transaction with its place in the journal. */
export interface JournaledEvent {
  readonly version: number;
  /** Milliseconds since the epoch, by the store's clock. */
  readonly atMs: number;
  readonly event: TransactionEvent;
}

/** What lists show: one row per transaction, written together with its events. */
export interface TransactionSummary {
  readonly id: string;
  readonly saga: string;
  readonly definitionVersion: number;
  readonly status: Status;
  readonly version: number;
  readonly tags: Readonly<Record<string, string>>;
  /** The error it turned back on or is stuck on, shortened. */
  readonly error: string | undefined;
  readonly startedAtMs: number;
  readonly updatedAtMs: number;
  /** Absent while it isn't terminal. */
  readonly endedAtMs: number | undefined;
}

export interface Commit {
  readonly id: string;
  /** Number of events the writer has seen; 0 starts the transaction. */
  readonly expectedVersion: number;
  readonly events: readonly TransactionEvent[];
  readonly summary: Pick<TransactionSummary, 'saga' | 'definitionVersion' | 'status' | 'tags' | 'error'>;
  /** Wake those who wait for the outcome: the transaction has ended or is stuck. */
  readonly announce: boolean;
  /** The caller's open SQL transaction (PostgreSQL only). */
  readonly tx?: SqlExecutor | undefined;
}

/** On a lost race the events that the writer had not seen come with the answer. */
export type CommitResult =
  { readonly committed: true; readonly atMs: number } | { readonly committed: false; readonly unseen: readonly JournaledEvent[] };

export interface ListFilter {
  /** This saga, or one of these. */
  readonly saga?: string | readonly string[] | undefined;
  readonly status?: readonly Status[] | undefined;
  /** All of these tags. */
  readonly tag?: Readonly<Record<string, string>> | undefined;
  /** How its id begins. On Redis, as with `error`, a page looks at 10 000 transactions at most. */
  readonly idPrefix?: string | undefined;
  /** Part of the summary's error; ASCII letters match in upper and lower case. A page looks at 10 000 transactions that fit the rest at most. */
  readonly error?: string | undefined;
  /** It started then or later, milliseconds since the epoch. */
  readonly fromMs?: number | undefined;
  /** It started before then. */
  readonly toMs?: number | undefined;
  /** From the page before. */
  readonly cursor?: string | undefined;
  /** 1 to 200. Default 50. */
  readonly limit?: number | undefined;
}

export interface TransactionPage {
  /** Newest start first. */
  readonly transactions: readonly TransactionSummary[];
  /** Absent on the last page. A page may be shorter than its limit and still have a successor. */
  readonly nextCursor: string | undefined;
}

/**
 * Hears of one transaction, or of all at once: see {@link Journal.watch}.
 *
 * @param completed Of a saga that completed, the data of its last event as JSON text: where the store sends them along, as Redis does with short ones.
 */
export type Listener = (id: string | undefined, completed?: string) => void;

/**
 * What is true of transactions: for each one a stream of events (category {@link TRANSACTION} of the event store) and its summary with the
 * indexes that lists use, written in one atomic step by compare-and-set on the version.
 */
export interface Journal {
  /** Appends events if nobody else has appended meanwhile. One round trip. Never partly done. */
  commit(commit: Commit): Promise<CommitResult>;
  /** The events after `afterVersion` (default 0: all), in order. Empty when there are none. */
  read(id: string, afterVersion?: number): Promise<readonly JournaledEvent[]>;
  /** All events of each of these, by its id, in order; those that don't exist are left out. One round trip. */
  histories(ids: readonly string[]): Promise<ReadonlyMap<string, readonly JournaledEvent[]>>;
  /** @throws {AmendsError} INVALID_OPTION for a limit out of range or a cursor that isn't ours */
  list(filter: ListFilter): Promise<TransactionPage>;
  /** The summaries of those of these transactions that exist, in any order. One round trip. */
  summaries(ids: readonly string[]): Promise<readonly TransactionSummary[]>;
  /** Of these sagas, which are all there are, how many transactions are in each status but the terminal ones. One round trip. */
  openCounts(sagas: readonly string[]): Promise<readonly OpenCount[]>;
  /** Stores a plan unless this saga and version already has one; gives the one that is stored. */
  registerPlan(plan: Plan): Promise<Plan>;
  /** All plans that were ever registered, in any order: from them follow the queues there are. */
  listPlans(): Promise<readonly Plan[]>;
  /** The plan of a saga's version, if it was ever registered. */
  findPlan(saga: string, definitionVersion: number): Promise<Plan | undefined>;
  /**
   * Calls `listener` with the id of every transaction whose commit asked to `announce` it, from any process; and with `undefined` when
   * announcements may have been missed (the connection was rebuilt): look again. Resolves when listening; call the result to stop.
   */
  watch(listener: Listener): Promise<() => Promise<void>>;
  /** Removes up to `limit` transactions that ended before then, whole. Gives how many. */
  purge(options: { readonly endedBeforeMs: number; readonly limit: number }): Promise<number>;
  /** The store's clock, milliseconds since the epoch. One round trip. */
  timeMs(): Promise<number>;
  /** Ends what `watch` opened. The connection stays with who opened it. */
  close(): Promise<void>;
}
