import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import type { EventStore, ExpectedVersion } from '../../../src/events/event-store.ts';
import { batch, event, freshStream, readAll, upTo, versionsOf } from '../../support/streams.ts';
import type { TestStore } from '../../support/stores.ts';

export function duplicatesSuite(store: TestStore): void {
  let events: EventStore;
  beforeAll(async () => {
    ({ events } = await store.open());
  });

  describe('an event that is appended again', () => {
    test.each<[ExpectedVersion, number]>([
      ['none', 0],
      [0, 0],
      [2, 2],
      ['exists', 2],
      ['any', 0],
      ['any', 2],
    ])('a retry that expects %s of a stream with %i events gets the original versions (O08)', async (expectedVersion, length) => {
      const stream = freshStream();
      if (length > 0) await events.append(stream, batch(length), { expectedVersion: 'none' });
      const retried = batch(3, length + 1);
      const original = await events.append(stream, retried, { expectedVersion });
      expect(original).toEqual({ firstVersion: length + 1, lastVersion: length + 3, duplicate: false });
      const stored = await readAll(events, stream);

      expect(await events.append(stream, retried, { expectedVersion })).toEqual({ ...original, duplicate: true });
      await events.append(stream, batch(2), { expectedVersion: 'any' });
      expect(await events.append(stream, retried, { expectedVersion })).toEqual({ ...original, duplicate: true });

      expect(await versionsOf(events, stream)).toEqual(upTo(length + 5));
      expect(await readAll(events, stream, { toVersion: length + 3 })).toEqual(stored);
    });

    test('a retry is known after thousands of other events: nothing is remembered only for a while', async () => {
      const stream = freshStream();
      const retried = batch(2);
      await events.append(stream, retried, { expectedVersion: 'none' });
      for (let i = 0; i < 5; i++) await events.append(stream, batch(500), { expectedVersion: 'any' });
      const others = await Promise.all(upTo(5).map(() => events.append(freshStream(), batch(500), { expectedVersion: 'none' })));
      expect(others).toHaveLength(5);
      expect(await events.append(stream, retried, { expectedVersion: 'none' })).toEqual({
        firstVersion: 1,
        lastVersion: 2,
        duplicate: true,
      });
      expect(await versionsOf(events, stream)).toEqual(upTo(2502));
    });

    test('the same content with its keys in another order is the same event', async () => {
      const stream = freshStream();
      const eventId = randomUUID();
      const stored = { eventId, eventType: 'noted', eventData: { a: 1, b: { c: [1, 2], d: 'x' } } };
      await events.append(stream, [stored], { expectedVersion: 'none' });
      const again = { eventId, eventType: 'noted', eventData: { b: { d: 'x', c: [1, 2] }, a: 1 } };
      expect(await events.append(stream, [again], { expectedVersion: 'none' })).toMatchObject({ duplicate: true });
    });

    test('a retry may carry other metadata, of a new trace for example: what was stored stays', async () => {
      const stream = freshStream();
      const stored = { ...event({ a: 1 }), metadata: { traceparent: 'first' } };
      await events.append(stream, [stored], { expectedVersion: 'none' });
      const again = { ...stored, metadata: { traceparent: 'second' } };
      expect(await events.append(stream, [again], { expectedVersion: 'none' })).toMatchObject({ firstVersion: 1, duplicate: true });
      expect(await readAll(events, stream)).toMatchObject([{ metadata: { traceparent: 'first' } }]);
    });

    test('the same id with other content is refused', async () => {
      const stream = freshStream();
      const stored = event({ total: 1 });
      await events.append(stream, [stored], { expectedVersion: 'none' });
      for (const other of [{ eventData: { total: 2 } }, { eventType: 'order_cancelled' }, { schemaVersion: 2 }]) {
        await expect(events.append(stream, [{ ...stored, ...other }], { expectedVersion: 'any' })).rejects.toMatchObject({
          code: 'EVENT_ID_REUSED',
        });
      }
      expect(await versionsOf(events, stream)).toEqual([1]);
    });

    test('the same id in another stream is refused', async () => {
      const [first, second] = [freshStream(), freshStream()];
      const stored = event({ total: 1 });
      await events.append(first, [stored], { expectedVersion: 'none' });
      await expect(events.append(second, [stored], { expectedVersion: 'none' })).rejects.toMatchObject({ code: 'EVENT_ID_REUSED' });
      await expect(events.append(second, [event(), stored], { expectedVersion: 'any' })).rejects.toMatchObject({
        code: expect.stringMatching(/^(EVENT_ID_REUSED|PARTIAL_DUPLICATE)$/),
      });
      expect(await readAll(events, second)).toEqual([]);
    });

    test('a batch of which only some events are known is refused, whatever the order', async () => {
      const stream = freshStream();
      const [first, second, third] = batch(3);
      await events.append(stream, [first!, second!], { expectedVersion: 'none' });
      for (const some of [
        [second!, third!],
        [third!, first!],
        [first!, second!, third!],
      ]) {
        await expect(events.append(stream, some, { expectedVersion: 'any' })).rejects.toMatchObject({ code: 'PARTIAL_DUPLICATE' });
      }
      expect(await versionsOf(events, stream)).toEqual([1, 2]);
      expect(await events.append(stream, [third!], { expectedVersion: 2 })).toMatchObject({ firstVersion: 3, duplicate: false });
    });

    test('known events in another order, or not side by side, are refused', async () => {
      const stream = freshStream();
      const [first, second, third] = batch(3);
      await events.append(stream, [first!, second!, third!], { expectedVersion: 'none' });
      for (const shuffled of [
        [second!, first!],
        [third!, second!, first!],
        [first!, third!],
      ]) {
        await expect(events.append(stream, shuffled, { expectedVersion: 'any' })).rejects.toMatchObject({ code: 'EVENT_ID_REUSED' });
      }
      expect(await versionsOf(events, stream)).toEqual([1, 2, 3]);
    });

    test('an id is any text: what is no UUID, and what differs by case only', async () => {
      const stream = freshStream();
      const key = randomUUID();
      const ids = [`order:42/paid ${key}`, `ORDER:42/PAID ${key}`, `__proto__${key}`, `bestätigt-${key}-✓`];
      const named = ids.map((eventId) => ({ ...event(), eventId }));
      await events.append(stream, named, { expectedVersion: 'none' });
      expect((await readAll(events, stream)).map(({ eventId }) => eventId)).toEqual(ids);
      expect(await events.append(stream, named, { expectedVersion: 'none' })).toMatchObject({ duplicate: true });
    });
  });
}
