import type { SubscriptionStore } from './checkpoint.ts';
import type { EventStore } from './event-store.ts';
import type { GlobalLog } from './global-log.ts';
import type { InlineProjections } from './inline-projection.ts';
import type { ProjectionStore } from './projection-store.ts';
import type { Snapshots } from './snapshots.ts';
import type { SubjectKeys } from './subject-keys.ts';
import type { EventTransfer } from './transfer.ts';

/** What one store has for events. */
export interface EventBackend {
  readonly store: EventStore;
  readonly log: GlobalLog;
  readonly snapshots: Snapshots;
  readonly subjectKeys: SubjectKeys;
  readonly subscriptions: SubscriptionStore;
  readonly projections: ProjectionStore;
  /** Read models that the appends of this backend write. */
  readonly inline: InlineProjections;
  readonly transfer: EventTransfer;
  /** Where the transactions' streams are, when they are divided among shards: each with the log and the subscriptions of its streams. */
  readonly shards?: readonly EventBackend[];
  /** Ends what it opened itself. The connection stays with who opened it. */
  close(): Promise<void>;
}
