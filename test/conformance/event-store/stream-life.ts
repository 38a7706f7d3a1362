import { beforeAll, describe, expect, test } from 'vitest';
import { TOMBSTONE, type EventStore } from '../../../src/events/event-store.ts';
import type { GlobalLog } from '../../../src/events/global-log.ts';
import { batch, event, freshStream, readAll, upTo, versionsOf } from '../../support/streams.ts';
import type { TestStore } from '../../support/stores.ts';

export function streamLifeSuite(store: TestStore): void {
  let events: EventStore;
  let log: GlobalLog;
  beforeAll(async () => {
    const opened = await store.open();
    events = opened.events;
    log = opened.backend.log;
  });

  async function loggedVersions(aggregateId: string): Promise<number[]> {
    const versions: number[] = [];
    for (let position = 0, more = true; more;) {
      const page = await log.read(position);
      versions.push(...page.events.filter((logged) => logged.aggregateId === aggregateId).map(({ version }) => version));
      ({ position, more } = page);
    }
    return versions;
  }

  describe('the head of a stream', () => {
    test('says its version and state; there is none of a stream that does not exist', async () => {
      const stream = freshStream();
      expect(await events.head(stream)).toBeUndefined();
      await events.append(stream, batch(3), { expectedVersion: 'none' });
      expect(await events.head(stream)).toEqual({ version: 3, firstVersion: 1, state: 'open' });
    });
  });

  describe('a closed stream', () => {
    test('takes no more events, whatever is expected of it, and is read as before', async () => {
      const stream = freshStream();
      const stored = batch(2);
      await events.append(stream, stored, { expectedVersion: 'none' });
      expect(await events.closeStream(stream)).toEqual({ version: 2, firstVersion: 1, state: 'closed' });
      expect(await events.closeStream(stream)).toMatchObject({ state: 'closed' });
      for (const expectedVersion of [2, 7, 'none', 'exists', 'any'] as const) {
        await expect(events.append(stream, batch(1), { expectedVersion })).rejects.toMatchObject({
          code: 'STREAM_CLOSED',
          details: { state: 'closed' },
        });
      }
      expect(await events.append(stream, stored, { expectedVersion: 'none' })).toMatchObject({ firstVersion: 1, duplicate: true });
      expect(await versionsOf(events, stream)).toEqual([1, 2]);
    });

    test('a stream that does not exist can be neither closed nor archived nor tombstoned', async () => {
      const stream = freshStream();
      await expect(events.closeStream(stream)).rejects.toMatchObject({ code: 'STREAM_NOT_FOUND' });
      await expect(events.archive(stream)).rejects.toMatchObject({ code: 'STREAM_NOT_FOUND' });
      await expect(events.tombstone(stream)).rejects.toMatchObject({ code: 'STREAM_NOT_FOUND' });
      expect(await events.append(stream, batch(1), { expectedVersion: 'none' })).toMatchObject({ firstVersion: 1 });
    });

    test("the journal's streams are left alone", async () => {
      const stream = freshStream('transaction');
      await expect(events.closeStream(stream)).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
      await expect(events.archive(stream)).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
      await expect(events.tombstone(stream)).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
    });
  });

  describe('an archived stream', () => {
    test('is read as before, from every version on, and goes on', async () => {
      const stream = freshStream();
      const stored = batch(1200);
      await events.append(stream, stored, { expectedVersion: 'none' });
      const before = await readAll(events, stream);
      expect(await events.archive(stream, { toVersion: 1100 })).toEqual({ version: 1200, firstVersion: 1101, state: 'open' });
      expect(await readAll(events, stream)).toEqual(before);
      for (const [fromVersion, toVersion] of [
        [1, 1],
        [1, 3],
        [499, 502],
        [500, 1100],
        [1099, 1102],
        [1101, 1103],
        [1200, 1300],
      ] as const) {
        expect(await readAll(events, stream, { fromVersion, toVersion })).toEqual(before.slice(fromVersion - 1, toVersion));
      }
      expect(await events.append(stream, batch(1), { expectedVersion: 1200 })).toMatchObject({ firstVersion: 1201 });
      await expect(events.append(stream, batch(1), { expectedVersion: 1200 })).rejects.toMatchObject({
        code: 'WRONG_EXPECTED_VERSION',
        details: { actual: 1201 },
      });
      expect(await events.archive(stream)).toEqual({ version: 1201, firstVersion: 1202, state: 'open' });
      expect(await versionsOf(events, stream)).toEqual(upTo(1201));
      await expect(events.append(stream, batch(1), { expectedVersion: 'none' })).rejects.toMatchObject({ details: { actual: 1201 } });
      expect(await events.append(stream, batch(1), { expectedVersion: 'exists' })).toMatchObject({ firstVersion: 1202 });
    });

    test('still knows the ids of its events, and the store their content', async () => {
      const [stream, other] = [freshStream(), freshStream()];
      const stored = batch(3);
      await events.append(stream, stored, { expectedVersion: 'none' });
      await events.archive(stream);
      expect(await events.append(stream, stored, { expectedVersion: 'none' })).toEqual({
        firstVersion: 1,
        lastVersion: 3,
        duplicate: true,
      });
      await expect(events.append(stream, [{ ...stored[0]!, eventData: 'other' }], { expectedVersion: 3 })).rejects.toMatchObject({
        code: 'EVENT_ID_REUSED',
      });
      await expect(events.append(other, [stored[0]!], { expectedVersion: 'none' })).rejects.toMatchObject({ code: 'EVENT_ID_REUSED' });
    });

    test('keeps its place in the order of all events', async () => {
      const stream = freshStream();
      await events.append(stream, batch(4), { expectedVersion: 'none' });
      await events.archive(stream, { toVersion: 2 });
      expect(await loggedVersions(stream.aggregateId)).toEqual([1, 2, 3, 4]);
      await events.archive(stream);
      expect(await loggedVersions(stream.aggregateId)).toEqual([1, 2, 3, 4]);
    });

    test('again, or up to where it was archived before, nothing happens', async () => {
      const stream = freshStream();
      await events.append(stream, batch(4), { expectedVersion: 'none' });
      await events.archive(stream, { toVersion: 3 });
      expect(await events.archive(stream, { toVersion: 2 })).toMatchObject({ firstVersion: 4 });
      expect(await events.archive(stream, { toVersion: 3 })).toMatchObject({ firstVersion: 4 });
      expect(await events.archive(stream, { toVersion: 99 })).toMatchObject({ firstVersion: 5 });
      expect(await versionsOf(events, stream)).toEqual([1, 2, 3, 4]);
      await expect(events.archive(stream, { toVersion: 0 })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    });

    test('that was closed stays closed', async () => {
      const stream = freshStream();
      await events.append(stream, batch(2), { expectedVersion: 'none' });
      await events.closeStream(stream);
      expect(await events.archive(stream)).toEqual({ version: 2, firstVersion: 3, state: 'closed' });
      await expect(events.append(stream, batch(1), { expectedVersion: 'any' })).rejects.toMatchObject({ code: 'STREAM_CLOSED' });
    });

    test('while others write and read it: nobody misses an event, and several may archive', async () => {
      const stream = freshStream();
      await events.append(stream, batch(600), { expectedVersion: 'none' });
      const others = await Promise.all(upTo(2).map(() => store.open()));
      const writing = (async () => {
        for (let i = 0; i < 30; i++) await events.append(stream, batch(10), { expectedVersion: 'any' });
      })();
      const archiving = others.map(async (other) => {
        for (let i = 1; i <= 10; i++) await other.events.archive(stream, { toVersion: 60 * i });
      });
      const reading = (async () => {
        for (let i = 0; i < 5; i++) {
          const versions = await versionsOf(others[0]!.events, stream);
          expect(versions).toEqual(upTo(versions.length));
          expect(versions.length).toBeGreaterThanOrEqual(600);
        }
      })();
      await Promise.all([writing, reading, ...archiving]);
      expect(await versionsOf(events, stream)).toEqual(upTo(900));
      expect(await events.head(stream)).toEqual({ version: 900, firstVersion: 601, state: 'open' });
    });
  });

  describe('a tombstoned stream', () => {
    test('has one event left, which says so; nothing can be appended, and its id is used up', async () => {
      const stream = freshStream();
      const stored = batch(3);
      await events.append(stream, stored, { expectedVersion: 'none' });
      const head = await events.tombstone(stream, { reason: 'asked for', metadata: { actor: 'anna' } });
      expect(head).toEqual({ version: 4, firstVersion: 4, state: 'tombstoned' });
      expect(await readAll(events, stream)).toEqual([
        {
          ...stream,
          eventId: expect.any(String),
          version: 4,
          eventType: TOMBSTONE,
          eventData: { reason: 'asked for' },
          schemaVersion: 1,
          metadata: { actor: 'anna' },
          timestamp: expect.any(Date),
        },
      ]);
      for (const expectedVersion of ['none', 'exists', 'any', 4] as const) {
        await expect(events.append(stream, batch(1), { expectedVersion })).rejects.toMatchObject({
          code: 'STREAM_CLOSED',
          details: { state: 'tombstoned' },
        });
      }
      await expect(events.append(stream, stored, { expectedVersion: 'none' })).rejects.toMatchObject({ code: 'STREAM_CLOSED' });
      await expect(events.archive(stream)).rejects.toMatchObject({ code: 'STREAM_CLOSED' });
      expect(await events.closeStream(stream)).toMatchObject({ state: 'tombstoned' });
      expect(await events.tombstone(stream)).toEqual(head);
      expect(await versionsOf(events, stream)).toEqual([4]);
    });

    test('leaves no trace of its events, archived ones included', async () => {
      const stream = freshStream();
      const secret = `secret-${stream.aggregateId}`;
      const kept = event({ secret });
      await events.append(stream, [kept, event({ secret }), event({ secret })], { expectedVersion: 'none' });
      await events.archive(stream, { toVersion: 2 });
      await events.closeStream(stream);
      await events.tombstone(stream);
      expect(await store.traces(secret)).toEqual([]);
      expect(await store.traces(kept.eventId)).toEqual([]);
    });

    test('is told to those who follow all events, who see none of the others', async () => {
      const stream = freshStream();
      await events.append(stream, batch(2), { expectedVersion: 'none' });
      expect(await loggedVersions(stream.aggregateId)).toEqual([1, 2]);
      await events.tombstone(stream);
      expect(await loggedVersions(stream.aggregateId)).toEqual([3]);
    });

    test('by two at the same time: once', async () => {
      const stream = freshStream();
      await events.append(stream, batch(5), { expectedVersion: 'none' });
      const others = await Promise.all(upTo(3).map(() => store.open()));
      const heads = await Promise.all(others.map((other) => other.events.tombstone(stream)));
      for (const head of heads) expect(head).toEqual({ version: 6, firstVersion: 6, state: 'tombstoned' });
      expect(await versionsOf(events, stream)).toEqual([6]);
    });

    test('its event is not to be appended by anybody', async () => {
      const stream = freshStream();
      await expect(events.append(stream, [event({}, TOMBSTONE)], { expectedVersion: 'any' })).rejects.toMatchObject({
        code: 'NOT_ALLOWED',
      });
      expect(await readAll(events, stream)).toEqual([]);
    });
  });
}
