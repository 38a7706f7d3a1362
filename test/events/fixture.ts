import { openRedis } from '../../src/connections/redis.ts';
import type { SqlPool } from '../../src/connections/sql.ts';
import type { SubscriptionStore } from '../../src/events/checkpoint.ts';
import type { GlobalLog, LoggedEvent, LogReadOptions } from '../../src/events/global-log.ts';
import { createPostgresLog } from '../../src/events/postgres/postgres-log.ts';
import { createPostgresSubscriptions } from '../../src/events/postgres/postgres-subscriptions.ts';
import { createRedisLog } from '../../src/events/redis/redis-log.ts';
import { createRedisSubscriptions } from '../../src/events/redis/redis-subscriptions.ts';
import { Subscriptions } from '../../src/events/subscription.ts';
import type { OpenStore } from '../support/place.ts';
import type { TestStore } from '../support/stores.ts';

/** The log of a store and its subscriptions, as one process has them. */
export interface OpenLog {
  readonly log: GlobalLog;
  readonly store: SubscriptionStore;
  readonly subscriptions: Subscriptions;
  /** What was reported: `what: message`. */
  readonly errors: string[];
  close(): Promise<void>;
}

export type OpenEvents = OpenStore & OpenLog;

function openLogOn(log: GlobalLog, store: SubscriptionStore, end: () => Promise<unknown>): OpenLog {
  const errors: string[] = [];
  const subscriptions = new Subscriptions({ log, store, onError: (error, what) => errors.push(`${what}: ${String(error)}`) });
  return {
    log,
    store,
    subscriptions,
    errors,
    async close() {
      await subscriptions.close();
      await log.close();
      await end();
    },
  };
}

export function openSqlLog(pool: SqlPool, namespace: string): OpenLog {
  return openLogOn(createPostgresLog({ pool, namespace }), createPostgresSubscriptions({ pool, namespace }), () => Promise.resolve());
}

export async function openRedisLog(url: string, namespace: string): Promise<OpenLog> {
  const redis = await openRedis(url, { connectionName: namespace });
  return openLogOn(createRedisLog({ redis, namespace }), createRedisSubscriptions({ redis, namespace }), () => redis.quit());
}

export async function openEvents(store: TestStore, namespace = store.namespace): Promise<OpenEvents> {
  const opened = await store.open(namespace);
  const log = store.kind === 'redis' ? await openRedisLog(store.url, namespace) : openSqlLog(opened.sql!, namespace);
  return {
    ...opened,
    ...log,
    async close() {
      await log.close();
      await opened.close();
    },
  };
}

/** The whole log, page by page. */
export async function wholeLog(log: GlobalLog, options: LogReadOptions = {}): Promise<LoggedEvent[]> {
  const all: LoggedEvent[] = [];
  for (let position = 0, mark = ''; ;) {
    const page = await log.read(position, { ...options, mark });
    all.push(...page.events);
    ({ position, mark } = page);
    if (!page.more) return all;
  }
}
