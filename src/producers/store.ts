import type { Logger } from 'pino';
import type { Canary } from '../connections/canary.ts';
import { AmendsError } from '../errors.ts';
import type { EventBackend } from '../events/backend.ts';
import type { PayloadLimits } from '../flows/json.ts';
import type { Journal } from '../journal/journal.ts';
import type { QueueBackend } from '../queues/backend.ts';

export type StoreKind = 'redis' | 'postgres' | 'embedded';

export interface StoreOptions {
  readonly namespace: string;
  /** Where the embedded store keeps its data. */
  readonly folder: string;
  readonly migrate: boolean;
  readonly allowUnsafeRedis: boolean;
  /** Parts the transactions of a Redis are divided into; `undefined`: as many as it has. */
  readonly shards: number | undefined;
  /** How long the store may leave a command unanswered, in milliseconds. */
  readonly storeTimeoutMs: number;
  /** Largest and deepest payload of an event. */
  readonly limits: PayloadLimits;
  readonly log: Logger;
}

/** One opened store: what transactions are kept in, and what the queues run on. */
export interface Store {
  readonly kind: StoreKind;
  readonly journal: Journal;
  readonly events: EventBackend;
  /** Whether the journal and the queues of a transaction share a connection that carries out what it is sent in order. */
  readonly inOrder: boolean;
  /** Of each shard one. */
  readonly queues: readonly QueueBackend[];
  /** Makes sure of the number of shards before the first transaction, where none was given and none is settled. */
  readonly settleShards?: () => Promise<void>;
  /** Writes to each part of the store, and tells whether what it wrote before is gone. Absent where a store that acknowledges does not lose. */
  readonly canary?: Canary;
  close(): Promise<void>;
}

/** @throws {AmendsError} INVALID_OPTION */
export function storeKindOf(url: string | undefined): StoreKind {
  if (url === undefined || url === '') return 'embedded';
  const scheme = /^([a-z]+):\/\//.exec(url)?.[1];
  if (scheme === 'redis' || scheme === 'rediss') return 'redis';
  if (scheme === 'postgres' || scheme === 'postgresql') return 'postgres';
  throw new AmendsError(
    'INVALID_OPTION',
    `the store's URL begins with ${JSON.stringify(scheme ?? url.slice(0, 12))}: use redis://, rediss:// or postgres://, or leave AMENDS_URL unset for the embedded store`,
  );
}

/**
 * Opens the store a URL names. Only that store's client library is loaded.
 *
 * @throws {AmendsError} INVALID_OPTION, STORE_UNREACHABLE, STORE_UNSAFE, STORE_LOCKED, MIGRATION_NEEDED
 */
export async function openStore(url: string | undefined, options: StoreOptions): Promise<Store> {
  const kind = storeKindOf(url);
  if (kind === 'redis') return (await import('./redis-store.ts')).openRedisStore(url!, options);
  const sql = await import('./sql-store.ts');
  return kind === 'postgres' ? sql.openPostgresStore(url!, options) : sql.openEmbeddedStore(options);
}
