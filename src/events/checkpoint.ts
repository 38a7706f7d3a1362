import type { SqlExecutor } from '../connections/sql.ts';
import type { DeadLetter } from './dead-letter.ts';
import type { LoggedEvent } from './global-log.ts';

/** How far the partitions were before their number was changed: what they had handled is not handled again. */
export interface Handover {
  readonly partitions: number;
  readonly positions: readonly number[];
}

/** A partition that this process works on, as the store has it. */
export interface HeldPartition {
  readonly partition: number;
  readonly partitions: number;
  readonly position: number;
  readonly mark: string;
  /** Rises with every owner. */
  readonly epoch: number;
  readonly paused: boolean;
  /** How often the next event has failed. */
  readonly attempts: number;
  /** Milliseconds until it is to be tried again. */
  readonly retryInMs: number;
  readonly handover: readonly Handover[];
  /** The subscription has parked events. */
  readonly parked: boolean;
}

interface Held {
  readonly partitions: readonly HeldPartition[];
  /** So many of them should be given back, for the other processes that run the subscription. */
  readonly surplus: number;
}

/** The right to move a checkpoint from where it is. */
export interface Tenure {
  readonly subscription: string;
  readonly partition: number;
  readonly owner: string;
  readonly epoch: number;
  /** Where it stands in the store. */
  readonly position: number;
}

/** What a store gives to a handler. */
export interface HandlerStore {
  /** The transaction the checkpoint moves in; absent where there is none. */
  readonly tx?: SqlExecutor | undefined;
  /** Redis: a command that is carried out in one step with the move of the checkpoint; absent elsewhere. */
  readonly write?: ((command: string, ...args: readonly (string | number)[]) => void) | undefined;
}

export interface Batch {
  readonly events: readonly LoggedEvent[];
  /** Where the checkpoint goes. */
  readonly to: number;
  readonly mark: string;
  /** Whether aggregates of it may have been parked: their events are put behind the others. */
  readonly mayBeParked: boolean;
  /** Hand a transaction to the handler, and move the checkpoint in it. */
  readonly transaction: boolean;
}

/** `lost`: somebody else owns the partition now, or it was paused: nothing was moved. `again`: read it again, what was parked has changed. */
export type Settled = 'moved' | 'lost' | 'again';

export interface Retried {
  readonly letter: DeadLetter;
  /** `taken`: somebody else has it in work. */
  readonly outcome: 'handled' | 'failed' | 'taken';
  readonly error?: unknown;
}

export interface PartitionStatus {
  readonly partition: number;
  readonly position: number;
  readonly owner: string | undefined;
  readonly epoch: number;
  /** Of the next event, if it fails. */
  readonly attempts: number;
  readonly error: string | undefined;
}

export interface StoredSubscription {
  readonly name: string;
  readonly paused: boolean;
  readonly partitions: readonly PartitionStatus[];
  /** Events that are parked. */
  readonly parked: number;
}

/** Where subscriptions stand, who works on them and what they have parked. Times are of the store's clock. */
export interface SubscriptionStore {
  /** `postgres`: handlers get a transaction. `redis`: they get `write`. */
  readonly kind: 'postgres' | 'redis';
  /** Makes a subscription that begins after a position, if there is none; another number of partitions takes effect at once. */
  open(subscription: string, partitions: number, position: number): Promise<void>;
  /** Renews what `owner` holds and takes its share of what is free. One round trip. */
  hold(subscription: string, owner: string, leaseMs: number): Promise<Held>;
  /** Gives partitions back. */
  release(subscription: string, owner: string, partitions: readonly number[]): Promise<void>;
  /** Gives everything back. */
  leave(subscription: string, owner: string): Promise<void>;
  /** Handles a batch and moves the checkpoint: in one transaction where there is one. What `handle` throws comes out, and nothing is moved. */
  settle(tenure: Tenure, batch: Batch, handle: (event: LoggedEvent, store: HandlerStore, index: number) => Promise<void>): Promise<Settled>;
  /** Counts an attempt at the next event. Gives how many it were; `undefined`: the tenure is over. */
  fail(tenure: Tenure, error: string, retryAfterMs: number): Promise<number | undefined>;
  /** Parks an event and moves the checkpoint behind it. */
  park(tenure: Tenure, event: LoggedEvent, letter: { readonly attempts: number; readonly error: string }): Promise<Settled>;
  /** Nothing is moved any more when it resolves. `false`: there is no such subscription. */
  setPaused(subscription: string, paused: boolean): Promise<boolean>;
  /** One, or all. */
  list(subscription?: string): Promise<readonly StoredSubscription[]>;
  /** Forgets a subscription. */
  remove(subscription: string): Promise<void>;
  /** What is parked, in order. */
  letters(subscription: string, limit: number): Promise<readonly DeadLetter[]>;
  /**
   * Takes the first parked event of an aggregate, but none of `except` and none that somebody else has in work: `prepare` loads what `work`
   * needs, `work` handles it, and the letter goes, in one transaction with it where there is one. `undefined`: there is none.
   */
  retry<Prepared>(
    subscription: string,
    except: readonly number[],
    prepare: (letter: DeadLetter) => Promise<Prepared>,
    work: (prepared: Prepared, letter: DeadLetter, store: HandlerStore) => Promise<void>,
  ): Promise<Retried | undefined>;
}
