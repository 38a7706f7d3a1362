import { describe, expect, test } from 'vitest';
import { openRedis } from '../../src/connections/redis.ts';
import { describeEachStore, useStore } from '../support/stores.ts';

describeEachStore('the epoch of a store', (store) => {
  test('is the same for all who ask, and stays', async () => {
    const [one, two] = await Promise.all([store.open(), store.open()]);
    const epochs = await Promise.all([one.events.epoch(), two.events.epoch(), one.events.epoch()]);
    expect(new Set(epochs).size).toBe(1);
    expect(epochs[0]).toMatch(/^[\w-]+$/);
  });
});

describe('the epoch of a store on redis', () => {
  const store = useStore('redis');

  test('is another one when another server answers, with what it has of this one: for those too who were connected before', async () => {
    const { events } = await store.open();
    const before = await events.epoch();
    const redis = await openRedis(store.url);
    // What a replica has that was promoted: all keys, but another replication id than the server that wrote them.
    await redis.hset(`{${store.namespace}}:epoch`, 'server', 'f'.repeat(40));
    const after = await events.epoch();
    expect(after).not.toBe(before);
    expect(await (await store.open()).events.epoch()).toBe(after);
    await redis.quit();
  });
});
