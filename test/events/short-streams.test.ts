import { describe, expect, test } from 'vitest';
import { openRedis } from '../../src/connections/redis.ts';
import { useStore } from '../support/stores.ts';
import { batch, freshStream, readAll, versionsOf } from '../support/streams.ts';
import { commitOf, fresh, issued, started } from '../support/transactions.ts';

/** Redis makes a stream of its own accord 4 KB large. */
const MOST_BYTES = 1_500;

describe('memory of short streams on redis', () => {
  const store = useStore('redis');

  async function bytesOf(stream: string): Promise<number | null> {
    const redis = await openRedis(store.url);
    try {
      return await redis.memory('USAGE', `{${store.namespace}}:s:${stream}`);
    } finally {
      await redis.quit();
    }
  }

  test('an aggregate takes what its events take, and goes on from there', async () => {
    const { events } = await store.open();
    const stream = freshStream();
    await events.append(stream, batch(1), { expectedVersion: 'none' });
    expect(await bytesOf(`${stream.aggregateType}:${stream.aggregateId}`)).toBeLessThan(MOST_BYTES);
    await events.append(stream, batch(2), { expectedVersion: 1 });
    expect(await versionsOf(events, stream)).toEqual([1, 2, 3]);
  });

  test('two aggregates that begin in one append stay two', async () => {
    const { events } = await store.open();
    const [a, b] = [freshStream(), freshStream()];
    await events.appendAll([
      { stream: a, events: batch(1), expectedVersion: 'none' },
      { stream: b, events: batch(2), expectedVersion: 'none' },
    ]);
    expect(await readAll(events, a)).toHaveLength(1);
    expect(await readAll(events, b)).toHaveLength(2);
  });

  test('a transaction takes what its history takes', async () => {
    const { journal } = await store.open();
    const id = fresh();
    await journal.commit(commitOf(id, 0, [started('order', { n: 1 }), issued('create_order')]));
    expect(await bytesOf(`transaction:${id}`)).toBeLessThan(MOST_BYTES);
    expect(await journal.read(id)).toHaveLength(2);
  });
});
