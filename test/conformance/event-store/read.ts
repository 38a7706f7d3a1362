import { beforeAll, describe, expect, test } from 'vitest';
import type { EventStore, StreamName } from '../../../src/events/event-store.ts';
import { batch, freshStream, upTo, versionsOf } from '../../support/streams.ts';
import type { TestStore } from '../../support/stores.ts';

export function readSuite(store: TestStore): void {
  let events: EventStore;
  let ten: StreamName;
  beforeAll(async () => {
    ({ events } = await store.open());
    ten = freshStream();
    await events.append(ten, batch(10), { expectedVersion: 'none' });
  });

  describe('reading', () => {
    test('a stream that does not exist has no events', async () => {
      expect(await versionsOf(events, freshStream())).toEqual([]);
    });

    test.each([
      [{}, upTo(10)],
      [{ fromVersion: 1 }, upTo(10)],
      [{ fromVersion: 8 }, [8, 9, 10]],
      [{ toVersion: 3 }, [1, 2, 3]],
      [{ fromVersion: 4, toVersion: 6 }, [4, 5, 6]],
      [{ fromVersion: 5, toVersion: 5 }, [5]],
      [{ fromVersion: 10, toVersion: 99 }, [10]],
      [{ fromVersion: 11 }, []],
      [{ fromVersion: 6, toVersion: 5 }, []],
    ])('%j of ten events gives %j: both ends belong to it', async (options, versions) => {
      expect(await versionsOf(events, ten, options)).toEqual(versions);
    });

    test.each([
      { fromVersion: 0 },
      { fromVersion: -1 },
      { fromVersion: 1.5 },
      { fromVersion: Number.NaN },
      { toVersion: 2.5 },
      { toVersion: -3 },
    ])('a range of %j is refused', async (options) => {
      await expect(versionsOf(events, ten, options)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    });

    test('many pages come in order, once, and can be left in the middle', async () => {
      const stream = freshStream();
      for (let from = 0; from < 2500; from += 500) await events.append(stream, batch(500, from + 1), { expectedVersion: from });
      expect(await versionsOf(events, stream)).toEqual(upTo(2500));
      expect(await versionsOf(events, stream, { fromVersion: 700, toVersion: 2100 })).toEqual(upTo(2100).slice(699));

      const seen: number[] = [];
      for await (const { version } of events.read(stream)) {
        seen.push(version);
        if (version === 1201) break;
      }
      expect(seen).toEqual(upTo(1201));
    });

    test('streams of another type or another namespace are not seen', async () => {
      const other: StreamName = { ...ten, aggregateType: 'invoice' };
      expect(await versionsOf(events, other)).toEqual([]);
      const { events: elsewhere } = await store.open(`${store.namespace}_b`);
      expect(await versionsOf(elsewhere, ten)).toEqual([]);
      expect(await elsewhere.append(ten, batch(1), { expectedVersion: 'none' })).toMatchObject({ firstVersion: 1 });
      expect(await versionsOf(events, ten)).toEqual(upTo(10));
    });
  });
}
