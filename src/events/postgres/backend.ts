import type { EventBackend } from '../backend.ts';
import { createInlineProjections } from './inline-projections.ts';
import { createPostgresEventStore, type PostgresEventStoreOptions } from './postgres-event-store.ts';
import { createPostgresLog } from './postgres-log.ts';
import { createPostgresSubscriptions } from './postgres-subscriptions.ts';
import { createPostgresProjections } from './postgres-projections.ts';
import { createPostgresSnapshots } from './snapshots.ts';
import { createPostgresSubjectKeys } from './subject-keys.ts';
import { createPostgresTransfer } from './transfer.ts';

export function createPostgresBackend(options: PostgresEventStoreOptions): EventBackend {
  const { pool, namespace } = options;
  const log = createPostgresLog(options);
  const projections = createPostgresProjections(options);
  const { store, inline } = createInlineProjections({ pool, namespace, store: createPostgresEventStore(options), projections });
  return {
    store,
    log,
    snapshots: createPostgresSnapshots(pool, namespace),
    subjectKeys: createPostgresSubjectKeys(pool, namespace),
    subscriptions: createPostgresSubscriptions(options),
    projections,
    inline,
    transfer: createPostgresTransfer(pool, namespace),
    close: () => log.close(),
  };
}
