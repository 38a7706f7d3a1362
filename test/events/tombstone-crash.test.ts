import { describe, expect, test } from 'vitest';
import { openRedis } from '../../src/connections/redis.ts';
import { CLOCK, defineScript, readLua } from '../../src/events/redis/script.ts';
import { streamKeyOf } from '../../src/events/redis/stream-key.ts';
import { useStore } from '../support/stores.ts';
import { batch, event, freshStream, versionsOf } from '../support/streams.ts';

const lua = (file: string): URL => new URL(`../../src/events/redis/${file}`, import.meta.url);

describe('a tombstone on redis, whose deleting takes several steps', () => {
  const store = useStore('redis');

  test('that was left after the first of them hides the events at once, and deletes them when it is asked for again', async () => {
    const { events } = await store.open();
    const stream = freshStream();
    const secret = `secret-${stream.aggregateId}`;
    const first = event({ secret });
    await events.append(stream, [first, ...batch(20), event({ secret })], { expectedVersion: 'none' });
    await events.archive(stream, { toVersion: 10 });
    const redis = await openRedis(store.url);
    const tombstone = defineScript(redis, 'tombstone', readLua(CLOCK, lua('head.lua'), lua('tombstone.lua')));
    // What the process does before it dies.
    await tombstone(`{${store.namespace}}:`, streamKeyOf(stream), 'the-last', '$tombstoned', '{}', '{}');
    await redis.quit();

    expect(await versionsOf(events, stream)).toEqual([23]);
    await expect(events.append(stream, batch(1), { expectedVersion: 'any' })).rejects.toMatchObject({ code: 'STREAM_CLOSED' });
    expect(await events.tombstone(stream)).toMatchObject({ version: 23, state: 'tombstoned' });
    expect(await store.traces(secret)).toEqual([]);
    expect(await store.traces(first.eventId)).toEqual([]);
    expect(await versionsOf(events, stream)).toEqual([23]);
  });
});
