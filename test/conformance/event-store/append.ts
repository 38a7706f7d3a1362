import { beforeAll, describe, expect, test } from 'vitest';
import type { EventStore, ExpectedVersion } from '../../../src/events/event-store.ts';
import { batch, dataOf, event, freshStream, readAll, upTo, versionsOf } from '../../support/streams.ts';
import type { TestStore } from '../../support/stores.ts';

export function appendSuite(store: TestStore): void {
  let events: EventStore;
  beforeAll(async () => {
    ({ events } = await store.open());
  });

  describe('the expected version', () => {
    test('the first append to a stream gives version 1', async () => {
      const stream = freshStream();
      const created = { ...event({ total: 12.5 }), schemaVersion: 3, metadata: { actor: 'anna' } };
      const before = Date.now();
      expect(await events.append(stream, [created], { expectedVersion: 'none' })).toEqual({
        firstVersion: 1,
        lastVersion: 1,
        duplicate: false,
      });

      const recorded = await readAll(events, stream);
      expect(recorded).toEqual([{ ...stream, ...created, version: 1, timestamp: expect.any(Date) }]);
      // The server runs on the same machine or close to it; a minute is the difference that its clock may have.
      expect(Math.abs(recorded[0]!.timestamp.getTime() - before)).toBeLessThan(60_000);
    });

    test('an event has an id, schema version 1 and empty metadata by default', async () => {
      const stream = freshStream();
      const bare = { eventType: 'noted', eventData: null };
      await events.append(stream, [bare, bare], { expectedVersion: 'none' });
      const [first, second] = await readAll(events, stream);
      expect(first).toMatchObject({ schemaVersion: 1, metadata: {}, eventData: null, eventId: expect.stringMatching(/^[0-9a-f-]{36}$/) });
      expect(second!.eventId).not.toBe(first!.eventId);
    });

    test('0 expects what `none` expects', async () => {
      const stream = freshStream();
      expect(await events.append(stream, batch(1), { expectedVersion: 0 })).toMatchObject({ firstVersion: 1 });
      await expect(events.append(stream, batch(1), { expectedVersion: 0 })).rejects.toMatchObject({
        code: 'WRONG_EXPECTED_VERSION',
        details: { expected: 0, actual: 1 },
      });
    });

    test('`none` on an existing stream is refused with the actual version', async () => {
      const stream = freshStream();
      await events.append(stream, batch(3), { expectedVersion: 'none' });
      await expect(events.append(stream, batch(1), { expectedVersion: 'none' })).rejects.toMatchObject({
        name: 'AmendsError',
        code: 'WRONG_EXPECTED_VERSION',
        details: { expected: 'none', actual: 3 },
      });
      expect(await versionsOf(events, stream)).toEqual([1, 2, 3]);
    });

    test('the exact version is accepted', async () => {
      const stream = freshStream();
      await events.append(stream, batch(2), { expectedVersion: 'none' });
      expect(await events.append(stream, batch(2, 3), { expectedVersion: 2 })).toEqual({
        firstVersion: 3,
        lastVersion: 4,
        duplicate: false,
      });
      expect(await versionsOf(events, stream)).toEqual([1, 2, 3, 4]);
    });

    test.each([
      ['stale', 1],
      ['future', 9],
    ])('a %s version is refused and nothing is written', async (_name, expected) => {
      const stream = freshStream();
      await events.append(stream, batch(2), { expectedVersion: 'none' });
      await expect(events.append(stream, batch(1), { expectedVersion: expected })).rejects.toMatchObject({
        code: 'WRONG_EXPECTED_VERSION',
        details: { expected, actual: 2 },
      });
      expect(await versionsOf(events, stream)).toEqual([1, 2]);
    });

    test('`exists` on a missing stream is refused and leaves none behind', async () => {
      const stream = freshStream();
      await expect(events.append(stream, batch(1), { expectedVersion: 'exists' })).rejects.toMatchObject({
        code: 'WRONG_EXPECTED_VERSION',
        details: { expected: 'exists', actual: 0 },
      });
      expect(await readAll(events, stream)).toEqual([]);
      expect(await events.append(stream, batch(1), { expectedVersion: 'none' })).toMatchObject({ firstVersion: 1 });
    });

    test('`exists` on an existing stream goes on behind its head', async () => {
      const stream = freshStream();
      await events.append(stream, batch(2), { expectedVersion: 'none' });
      expect(await events.append(stream, batch(1), { expectedVersion: 'exists' })).toMatchObject({ firstVersion: 3, lastVersion: 3 });
    });

    test('`any` is accepted by a new stream and by an old one', async () => {
      const stream = freshStream();
      expect(await events.append(stream, batch(1), { expectedVersion: 'any' })).toMatchObject({ firstVersion: 1 });
      expect(await events.append(stream, batch(2), { expectedVersion: 'any' })).toMatchObject({ firstVersion: 2, lastVersion: 3 });
    });

    test.each([-1, 1.5, Number.NaN, Infinity, 2 ** 53, 'new', '1', null, undefined])(
      'an expectation of %s is refused',
      async (expected) => {
        const stream = freshStream();
        await expect(events.append(stream, batch(1), { expectedVersion: expected as ExpectedVersion })).rejects.toMatchObject({
          code: 'INVALID_OPTION',
        });
        expect(await readAll(events, stream)).toEqual([]);
      },
    );
  });

  describe('a batch', () => {
    test('keeps its order under versions without gaps', async () => {
      const stream = freshStream();
      expect(await events.append(stream, batch(50), { expectedVersion: 'none' })).toEqual({
        firstVersion: 1,
        lastVersion: 50,
        duplicate: false,
      });
      expect(await events.append(stream, batch(50, 51), { expectedVersion: 50 })).toMatchObject({ firstVersion: 51, lastVersion: 100 });
      expect(await versionsOf(events, stream)).toEqual(upTo(100));
      expect(await dataOf(events, stream)).toEqual(upTo(100).map((number) => ({ number })));
    });

    test('is atomic: one bad event and none is stored', async () => {
      const stream = freshStream();
      const [first, second] = batch(2);
      const bad = { ...event(), eventData: { when: new Date(0) } as never };
      await expect(events.append(stream, [first!, second!, bad], { expectedVersion: 'none' })).rejects.toMatchObject({
        code: 'PAYLOAD_NOT_JSON',
      });
      expect(await readAll(events, stream)).toEqual([]);
      expect(await events.append(stream, [first!, second!], { expectedVersion: 'none' })).toMatchObject({
        firstVersion: 1,
        duplicate: false,
      });
    });

    test('without events is refused, before its expectation is looked at', async () => {
      const stream = freshStream();
      await expect(events.append(stream, [], { expectedVersion: 7 })).rejects.toMatchObject({ code: 'EMPTY_BATCH' });
      await expect(events.append(stream, [], { expectedVersion: 'any' })).rejects.toMatchObject({ code: 'EMPTY_BATCH' });
    });

    test('with an id twice is refused, before its expectation is looked at', async () => {
      const stream = freshStream();
      const one = event({ number: 1 });
      await expect(events.append(stream, [one, event(), one], { expectedVersion: 7 })).rejects.toMatchObject({ code: 'REPEATED_EVENT_ID' });
      await expect(events.append(stream, [one, { ...event(), eventId: one.eventId }], { expectedVersion: 'any' })).rejects.toMatchObject({
        code: 'REPEATED_EVENT_ID',
      });
      expect(await readAll(events, stream)).toEqual([]);
    });
  });
}
