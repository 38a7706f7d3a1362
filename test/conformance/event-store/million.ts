import type { Redis } from 'ioredis';
import { beforeAll, expect, test } from 'vitest';
import { openRedis } from '../../../src/connections/redis.ts';
import type { SqlPool } from '../../../src/connections/sql.ts';
import type { EventStore } from '../../../src/events/event-store.ts';
import { batch, freshStream, versionsOf } from '../../support/streams.ts';
import type { TestStore } from '../../support/stores.ts';

const OTHERS = 1_000_000;
const PER_CALL = 50_000;

/** As append stores them, past the code under test: a million round trips would take minutes. */
async function storeOthers(sql: SqlPool, namespace: string): Promise<void> {
  await sql.query(
    `INSERT INTO "${namespace}".events (event_id, aggregate_type, aggregate_id, version, event_type, event_data, "timestamp")
      SELECT 'other-' || n, 'order', 'other-' || n / 1000, 1 + n % 1000, 'noted', '{}', now() FROM generate_series(0, ${OTHERS - 1}) AS n`,
  );
}

async function storeOtherIds(redis: Redis, namespace: string): Promise<void> {
  const script = `for n = tonumber(ARGV[1]), tonumber(ARGV[2]) do
    redis.call('HSET', KEYS[1], 'other-' .. n, (1 + n % 1000) .. ':' .. ARGV[3] .. ':order:other-' .. math.floor(n / 1000))
  end`;
  for (let from = 0; from < OTHERS; from += PER_CALL) {
    await redis.eval(script, 1, `{${namespace}}:ids`, from, from + PER_CALL - 1, 'a'.repeat(32));
  }
}

export function millionSuite(store: TestStore): void {
  let events: EventStore;
  let sql: SqlPool | undefined;
  beforeAll(async () => {
    ({ events, sql } = await store.open());
  });

  test('a retry is known after a million other events', { timeout: 120_000 }, async () => {
    const stream = freshStream();
    const retried = batch(3);
    const original = await events.append(stream, retried, { expectedVersion: 'none' });
    if (sql !== undefined) await storeOthers(sql, store.namespace);
    else {
      const redis = await openRedis(store.url);
      await storeOtherIds(redis, store.namespace);
      await redis.quit();
    }
    expect(await events.append(stream, retried, { expectedVersion: 'none' })).toEqual({ ...original, duplicate: true });
    await expect(events.append(stream, [{ ...retried[0]!, eventId: 'other-999999' }], { expectedVersion: 'any' })).rejects.toMatchObject({
      code: 'EVENT_ID_REUSED',
    });
    expect(await versionsOf(events, stream)).toEqual([1, 2, 3]);
  });
}
