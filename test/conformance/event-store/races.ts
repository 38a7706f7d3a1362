import { beforeAll, describe, expect, test } from 'vitest';
import type { AppendResult, EventStore } from '../../../src/events/event-store.ts';
import { batch, event, freshStream, readAll, upTo, versionsOf } from '../../support/streams.ts';
import type { TestStore } from '../../support/stores.ts';

const WRITERS = 20;

function fulfilled(settled: readonly PromiseSettledResult<AppendResult>[]): AppendResult[] {
  return settled.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
}

function codes(settled: readonly PromiseSettledResult<AppendResult>[]): unknown[] {
  return settled.flatMap((result) => (result.status === 'rejected' ? [result.reason.code] : []));
}

export function racesSuite(store: TestStore): void {
  let writers: EventStore[];
  let events: EventStore;
  beforeAll(async () => {
    // Connections of their own, as separate processes have them.
    const opened = await Promise.all(upTo(4).map(() => store.open()));
    writers = upTo(WRITERS).map((n) => opened[n % opened.length]!.events);
    events = opened[0]!.events;
  });

  describe('writers at the same time', () => {
    test(`${WRITERS} writers with the same expectation: one wins, and nobody else is told so (O07)`, async () => {
      const stream = freshStream();
      await events.append(stream, batch(1), { expectedVersion: 'none' });
      const own = upTo(WRITERS).map((writer) => event({ writer }));
      const settled = await Promise.allSettled(writers.map((writer, i) => writer.append(stream, [own[i]!], { expectedVersion: 1 })));
      expect(fulfilled(settled)).toEqual([{ firstVersion: 2, lastVersion: 2, duplicate: false }]);
      expect(codes(settled)).toEqual(Array.from({ length: WRITERS - 1 }, () => 'WRONG_EXPECTED_VERSION'));

      const winner = settled.findIndex(({ status }) => status === 'fulfilled');
      expect((await readAll(events, stream)).map(({ eventId }) => eventId)[1]).toBe(own[winner]!.eventId);
      expect(await versionsOf(events, stream)).toEqual([1, 2]);
    });

    test('appends to different streams stand or fall each by itself', async () => {
      const streams = Array.from({ length: 40 }, () => freshStream());
      const stored = streams.map((_stream, n) => event({ n }));
      const appendTo = (n: number): Promise<AppendResult> => {
        if (n % 4 === 0) return events.append(streams[n]!, [stored[n]!], { expectedVersion: 5 });
        if (n % 4 === 1) return events.append(streams[n]!, [stored[n]!], { expectedVersion: 'any' });
        return events.append(streams[n]!, [stored[n]!, event({ n })], { expectedVersion: 'none' });
      };
      const settled = await Promise.allSettled(streams.map((_stream, n) => appendTo(n)));
      expect(settled.filter((_result, n) => n % 4 === 0)).toMatchObject(
        Array.from({ length: 10 }, () => ({ status: 'rejected', reason: { code: 'WRONG_EXPECTED_VERSION' } })),
      );
      expect(fulfilled(settled).map(({ lastVersion }) => lastVersion)).toEqual(Array.from({ length: 10 }, () => [1, 2, 2]).flat());
      const lengths = await Promise.all(streams.map(async (stream) => (await versionsOf(events, stream)).length));
      expect(lengths).toEqual(Array.from({ length: 10 }, () => [0, 1, 2, 2]).flat());
    });

    test(`${WRITERS} retries of one batch: it is stored once, and all get its versions (O08)`, async () => {
      const stream = freshStream();
      const retried = batch(2);
      const results = await Promise.all(writers.map((writer) => writer.append(stream, retried, { expectedVersion: 'none' })));
      expect(results.filter(({ duplicate }) => !duplicate)).toHaveLength(1);
      for (const result of results) expect(result).toMatchObject({ firstVersion: 1, lastVersion: 2 });
      expect(await versionsOf(events, stream)).toEqual([1, 2]);
    });

    test(`${WRITERS} writers that expect nothing: all are stored, dense, every batch in one piece`, async () => {
      const stream = freshStream();
      const own = upTo(WRITERS).map((n) => batch((n % 3) + 1));
      const results = await Promise.all(writers.map((writer, i) => writer.append(stream, own[i]!, { expectedVersion: 'any' })));
      const stored = await readAll(events, stream);
      expect(stored.map(({ version }) => version)).toEqual(upTo(own.flat().length));
      results.forEach(({ firstVersion, lastVersion, duplicate }, i) => {
        const ids = stored.slice(firstVersion - 1, lastVersion).map(({ eventId }) => eventId);
        expect(ids).toEqual(own[i]!.map(({ eventId }) => eventId));
        expect(duplicate).toBe(false);
      });
    });

    test('two creators: one makes the stream, the other hears that it exists (O07)', async () => {
      for (let round = 0; round < 10; round++) {
        const stream = freshStream();
        const settled = await Promise.allSettled(
          writers.slice(0, 2).map((writer) => writer.append(stream, batch(2), { expectedVersion: 'none' })),
        );
        expect(fulfilled(settled)).toEqual([{ firstVersion: 1, lastVersion: 2, duplicate: false }]);
        expect(settled.find(({ status }) => status === 'rejected')).toMatchObject({
          reason: { code: 'WRONG_EXPECTED_VERSION', details: { expected: 'none', actual: 2 } },
        });
        expect(await versionsOf(events, stream)).toEqual([1, 2]);
      }
    });

    test('one event sent to two streams at once is stored in one of them', async () => {
      for (let round = 0; round < 10; round++) {
        const streams = [freshStream(), freshStream()] as const;
        const shared = event({ round });
        const settled = await Promise.allSettled(
          streams.map((stream, i) => writers[i]!.append(stream, [shared], { expectedVersion: 'none' })),
        );
        expect(fulfilled(settled)).toHaveLength(1);
        expect(codes(settled)).toEqual(['EVENT_ID_REUSED']);
        const stored = await Promise.all(streams.map((stream) => readAll(events, stream)));
        expect(stored.flat()).toHaveLength(1);
      }
    });
  });
}
