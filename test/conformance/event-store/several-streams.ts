import { beforeAll, describe, expect, test } from 'vitest';
import type { EventStore, StreamAppend, StreamName } from '../../../src/events/event-store.ts';
import { batch, event, freshStream, upTo, versionsOf } from '../../support/streams.ts';
import type { TestStore } from '../../support/stores.ts';

export function severalStreamsSuite(store: TestStore): void {
  let events: EventStore;
  beforeAll(async () => {
    ({ events } = await store.open());
  });

  const versions = (streams: readonly StreamName[]): Promise<number[][]> =>
    Promise.all(streams.map((stream) => versionsOf(events, stream)));
  const appendsTo = (streams: readonly StreamName[], size = 2): StreamAppend[] =>
    streams.map((stream) => ({ stream, events: batch(size), expectedVersion: 'none' }));

  describe('an append to several streams', () => {
    test('stores all of them, and gives their versions in the order in which they were named', async () => {
      const streams = upTo(3).map(() => freshStream());
      await events.append(streams[1]!, batch(4), { expectedVersion: 'none' });
      const [first, second, third] = streams as [StreamName, StreamName, StreamName];
      const results = await events.appendAll([
        { stream: third, events: batch(1), expectedVersion: 'none' },
        { stream: second, events: batch(2), expectedVersion: 4 },
        { stream: first, events: batch(3), expectedVersion: 'any' },
      ]);
      expect(results).toEqual([
        { firstVersion: 1, lastVersion: 1, duplicate: false },
        { firstVersion: 5, lastVersion: 6, duplicate: false },
        { firstVersion: 1, lastVersion: 3, duplicate: false },
      ]);
      expect(await versions(streams)).toEqual([upTo(3), upTo(6), upTo(1)]);
    });

    test.each([
      ['a wrong version', 'WRONG_EXPECTED_VERSION'],
      ['a closed stream', 'STREAM_CLOSED'],
      ['an event id of another stream', 'EVENT_ID_REUSED'],
      ['a batch of which a part is known', 'PARTIAL_DUPLICATE'],
      ['a bad payload', 'PAYLOAD_NOT_JSON'],
      ['an empty batch', 'EMPTY_BATCH'],
      ['an id that stands in two batches', 'REPEATED_EVENT_ID'],
    ])('%s in one of them: nothing is stored in any', async (what, code) => {
      const streams = upTo(3).map(() => freshStream());
      const [first, , third] = streams as [StreamName, StreamName, StreamName];
      const known = batch(1);
      await events.append(first, known, { expectedVersion: 'none' });
      const appends = appendsTo(streams);
      appends[0] = { stream: first, events: batch(1), expectedVersion: 1 };
      if (what === 'a wrong version') appends[0] = { ...appends[0], expectedVersion: 5 };
      if (what === 'a closed stream') await events.closeStream(first);
      if (what === 'an event id of another stream') appends[2] = { stream: third, events: known, expectedVersion: 'none' };
      if (what === 'a batch of which a part is known') appends[0] = { ...appends[0], events: [...known, event()] };
      if (what === 'a bad payload') appends[2] = { stream: third, events: [event(new Date(0) as never)], expectedVersion: 'none' };
      if (what === 'an empty batch') appends[1] = { ...appends[1]!, events: [] };
      if (what === 'an id that stands in two batches') appends[2] = { ...appends[2]!, events: appends[1]!.events };
      await expect(events.appendAll(appends)).rejects.toMatchObject({ code });
      expect(await versions(streams)).toEqual([[1], [], []]);
    });

    test('again: the original versions; only some of them again: refused', async () => {
      const streams = upTo(2).map(() => freshStream());
      const appends = appendsTo(streams);
      const results = await events.appendAll(appends);
      expect(await events.appendAll(appends.toReversed())).toEqual(results.map((result) => ({ ...result, duplicate: true })));
      const extra = freshStream();
      const more: StreamAppend[] = [...appends, { stream: extra, events: batch(1), expectedVersion: 'none' }];
      await expect(events.appendAll(more)).rejects.toMatchObject({ code: 'PARTIAL_DUPLICATE' });
      expect(await versions([...streams, extra])).toEqual([[1, 2], [1, 2], []]);
    });

    test('a stream that is named twice is refused', async () => {
      const stream = freshStream();
      await expect(events.appendAll(appendsTo([stream, freshStream(), stream]))).rejects.toMatchObject({ code: 'INVALID_OPTION' });
      await expect(events.appendAll([])).rejects.toMatchObject({ code: 'EMPTY_BATCH' });
      expect(await versionsOf(events, stream)).toEqual([]);
    });

    test('twenty that name the same streams in any order all end, each batch in one piece', async () => {
      const streams = upTo(3).map(() => freshStream());
      const writers = await Promise.all(upTo(4).map(() => store.open()));
      const all = upTo(20).map((n): StreamAppend[] => {
        const turned = n % 2 === 0 ? streams : streams.toReversed();
        return turned.map((stream) => ({ stream, events: batch(2), expectedVersion: 'any' }));
      });
      const results = await Promise.all(all.map((appends, i) => writers[i % writers.length]!.events.appendAll(appends)));
      expect(results.flat().every(({ duplicate }) => !duplicate)).toBe(true);
      expect(await versions(streams)).toEqual([upTo(40), upTo(40), upTo(40)]);
    });

    test('two with one expectation: one wins in all streams, the other in none', async () => {
      const [shared, left, right] = upTo(3).map(() => freshStream()) as [StreamName, StreamName, StreamName];
      const [one, two] = await Promise.all(upTo(2).map(() => store.open()));
      const settled = await Promise.allSettled([
        one!.events.appendAll(appendsTo([left, shared], 1)),
        two!.events.appendAll(appendsTo([right, shared], 1)),
      ]);
      const won = settled.map(({ status }) => status === 'fulfilled');
      expect(won.filter(Boolean)).toHaveLength(1);
      expect(await versions([shared, left, right])).toEqual([[1], won[0] ? [1] : [], won[1] ? [1] : []]);
    });
  });
}
