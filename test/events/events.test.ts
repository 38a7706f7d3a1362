import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import { beforeAll, describe, expect, test } from 'vitest';
import type { EventBackend } from '../../src/events/backend.ts';
import { eventStream } from '../../src/events/event-stream.ts';
import { createEventStreams, type EventStreams } from '../../src/events/events.ts';
import { describeEachStore } from '../support/stores.ts';
import { upTo } from '../support/streams.ts';
import { all, orders, paid, placed, type OrderState } from './orders.ts';

describeEachStore('events by their definition', (store) => {
  let backend: EventBackend;
  let events: EventStreams;
  beforeAll(async () => {
    ({ backend } = await store.open());
    events = createEventStreams({ backend });
  });

  describe('append, read, load', () => {
    test('what was appended is read with its type, and folds into the state', async () => {
      const id = randomUUID();
      expect(await events.load(orders, id)).toEqual({ state: { status: 'none', cents: 0, payments: 0 }, version: 0, tombstoned: false });
      const first = await events.append(orders, id, [placed(990)], { expectedVersion: 'none', metadata: { actor: 'anna' } });
      expect(first).toEqual({ firstVersion: 1, lastVersion: 1, duplicate: false });
      const { version } = await events.load(orders, id);
      await events.append(orders, id, [paid(900), { ...paid(90), metadata: { actor: 'bert' } }], { expectedVersion: version });
      expect(await all(events.read(orders, id))).toEqual([
        {
          type: 'placed',
          stream: 'order',
          aggregateId: id,
          eventId: expect.stringMatching(/^[0-9a-f-]{36}$/),
          version: 1,
          eventType: 'placed',
          data: { cents: 990, gift: false },
          schemaVersion: 1,
          metadata: { actor: 'anna' },
          timestamp: expect.any(Date),
          forgotten: [],
        },
        expect.objectContaining({ type: 'paid', version: 2, data: { cents: 900 }, metadata: {} }),
        expect.objectContaining({ type: 'paid', version: 3, data: { cents: 90 }, metadata: { actor: 'bert' } }),
      ]);
      expect((await all(events.read(orders, id, { fromVersion: 2, toVersion: 2 }))).map((event) => event.version)).toEqual([2]);
      expect(await events.load(orders, id)).toEqual({ state: { status: 'paid', cents: 990, payments: 2 }, version: 3, tombstoned: false });
    });

    test('data that does not fit its schema, an event of no such type and metadata of the store itself are refused, and nothing is stored', async () => {
      const id = randomUUID();
      const bad = { type: 'paid', data: { cents: 'many' } } as never;
      await expect(events.append(orders, id, [placed(), bad], { expectedVersion: 'none' })).rejects.toMatchObject({
        code: 'INVALID_INPUT',
        message: expect.stringContaining('cents'),
      });
      for (const type of ['lost', 'constructor', '__proto__']) {
        await expect(events.append(orders, id, [{ type, data: {} } as never], { expectedVersion: 'none' })).rejects.toMatchObject({
          code: 'INVALID_INPUT',
        });
      }
      const metadata = { $personal: { key: 'x', fields: ['cents'] } };
      await expect(events.append(orders, id, [placed()], { expectedVersion: 'none', metadata })).rejects.toMatchObject({
        code: 'INVALID_INPUT',
      });
      expect(await all(events.read(orders, id))).toEqual([]);
    });

    test('a lost race says the version: load, decide and append again', async () => {
      const id = randomUUID();
      await events.append(orders, id, [placed()], { expectedVersion: 'none' });
      await expect(events.append(orders, id, [paid()], { expectedVersion: 'none' })).rejects.toMatchObject({
        code: 'WRONG_EXPECTED_VERSION',
        details: { expected: 'none', actual: 1 },
      });
    });

    test('several streams of several kinds are written all or none', async () => {
      const accounts = eventStream({ name: 'account', version: 1, events: { charged: z.object({ cents: z.number() }) } });
      const id = randomUUID();
      const both = (expectedVersion: number) =>
        events.appendAll((to) =>
          to
            .append(orders, id, [placed(), paid()], { expectedVersion: 'none' })
            .append(accounts, id, [{ type: 'charged', data: { cents: 5 } }], { expectedVersion }),
        );
      await expect(both(1)).rejects.toMatchObject({ code: 'WRONG_EXPECTED_VERSION' });
      expect(await events.head(orders, id)).toBeUndefined();
      expect(await both(0)).toMatchObject([{ lastVersion: 2 }, { lastVersion: 1 }]);
      expect(await all(events.read(accounts, id))).toMatchObject([{ stream: 'account', type: 'charged' }]);
    });

    test("the store's words are the seed's: append an event, get the events of an aggregate from a version", async () => {
      const stream = { aggregateType: 'order', aggregateId: randomUUID() };
      const event = { eventId: randomUUID(), eventType: 'placed', eventData: { cents: 1, gift: true } };
      await events.store.append(stream, [event], { expectedVersion: 'none' });
      expect(await all(events.store.read(stream, { fromVersion: 1 }))).toMatchObject([{ ...stream, ...event, version: 1 }]);
      expect(await all(events.read(orders, stream.aggregateId))).toMatchObject([{ type: 'placed', data: { cents: 1, gift: true } }]);
    });

    test('all events of some streams come in one order, from a position on', async () => {
      const invoices = eventStream({ name: 'invoice', version: 1, events: { sent: z.object({ n: z.number() }) } });
      const id = randomUUID();
      for (const n of upTo(3)) {
        await events.append(invoices, id, [{ type: 'sent', data: { n } }], { expectedVersion: n - 1 });
        await events.append(orders, `${id}-${n}`, [placed(n)], { expectedVersion: 'none' });
      }
      const seen = await all(events.readAll({ events: [invoices, orders] }));
      const mine = seen.filter(({ aggregateId }) => aggregateId.startsWith(id));
      expect(mine.map(({ stream }) => stream)).toEqual(['invoice', 'order', 'invoice', 'order', 'invoice', 'order']);
      const positions = mine.map(({ position }) => position);
      expect(positions).toEqual(positions.toSorted((a, b) => a - b));
      const later = await all(events.readAll({ events: [invoices], afterPosition: mine[2]!.position }));
      expect(later.filter(({ aggregateId }) => aggregateId === id).map(({ data }) => data)).toEqual([{ n: 3 }]);
    });

    test('a tombstoned aggregate loads as one that never was, and says so', async () => {
      const id = randomUUID();
      await events.append(orders, id, [placed(), paid()], { expectedVersion: 'none' });
      await events.tombstone(orders, id, { reason: 'test' });
      expect(await events.load(orders, id)).toMatchObject({ state: { status: 'none' }, version: 3, tombstoned: true });
      expect(await all(events.read(orders, id))).toMatchObject([{ type: '$unknown', eventType: '$tombstoned', data: { reason: 'test' } }]);
    });
  });

  describe('schema versions', () => {
    const oldOrders = eventStream({
      name: 'changed',
      version: 1,
      events: { placed: z.object({ euros: z.number() }), dropped: z.object({}) },
    });
    const newOrders = eventStream({
      name: 'changed',
      version: 2,
      events: { placed: z.object({ cents: z.number(), currency: z.string() }) },
    })
      .upcast('placed', 1, (old: { euros: number }) => ({ amount: old.euros * 100 }))
      .upcast('placed', 2, (old: { amount: number }) => ({ cents: old.amount, currency: 'EUR' }))
      .initially(() => ({ cents: 0 }))
      .evolve({ placed: (state, { cents }) => ({ cents: state.cents + cents }) });

    test('old data is brought to the newest version on reading, through every version in between, and never rewritten', async () => {
      const id = randomUUID();
      await events.append(oldOrders, id, [{ type: 'placed', data: { euros: 3 } }], { expectedVersion: 'none' });
      await events.store.append(
        { aggregateType: 'changed', aggregateId: id },
        [{ eventType: 'placed', eventData: { amount: 50 }, schemaVersion: 2 }],
        { expectedVersion: 1 },
      );
      await events.append(newOrders, id, [{ type: 'placed', data: { cents: 7, currency: 'CHF' } }], { expectedVersion: 2 });
      expect(await all(events.read(newOrders, id))).toMatchObject([
        { type: 'placed', schemaVersion: 1, data: { cents: 300, currency: 'EUR' } },
        { type: 'placed', schemaVersion: 2, data: { cents: 50, currency: 'EUR' } },
        { type: 'placed', schemaVersion: 3, data: { cents: 7, currency: 'CHF' } },
      ]);
      expect(await events.load(newOrders, id)).toMatchObject({ state: { cents: 357 }, version: 3 });
      const stored = await all(events.store.read({ aggregateType: 'changed', aggregateId: id }));
      expect(stored.map(({ eventData, schemaVersion }) => [schemaVersion, eventData])).toEqual([
        [1, { euros: 3 }],
        [2, { amount: 50 }],
        [3, { cents: 7, currency: 'CHF' }],
      ]);
    });

    test('an event that is newer than the definition stops the reader: it must not be misread', async () => {
      const id = randomUUID();
      await events.append(newOrders, id, [{ type: 'placed', data: { cents: 7, currency: 'CHF' } }], { expectedVersion: 'none' });
      await expect(all(events.read(oldOrders, id))).rejects.toMatchObject({
        code: 'UNKNOWN_DEFINITION',
        details: { eventType: 'placed', schemaVersion: 3, known: 1 },
      });
    });

    test('an event of a type that the definition lacks is kept and can be read; the state passes it over', async () => {
      const id = randomUUID();
      await events.append(
        oldOrders,
        id,
        [
          { type: 'dropped', data: {} },
          { type: 'placed', data: { euros: 1 } },
        ],
        { expectedVersion: 'none' },
      );
      await events.store.append({ aggregateType: 'changed', aggregateId: id }, [{ eventType: 'constructor', eventData: [1] }], {
        expectedVersion: 2,
      });
      expect(await all(events.read(newOrders, id))).toMatchObject([
        { type: '$unknown', eventType: 'dropped', data: {} },
        { type: 'placed', data: { cents: 100 } },
        { type: '$unknown', eventType: 'constructor', data: [1] },
      ]);
      expect(await events.load(newOrders, id)).toMatchObject({ state: { cents: 100 }, version: 3 });
    });
  });

  describe('snapshots', () => {
    /** Counts how many events are folded. */
    function counting(version: number, snapshotEvery?: number) {
      const folded = { events: 0 };
      const stream = eventStream({
        name: 'counted',
        version,
        events: { added: z.object({ n: z.number() }) },
        ...(snapshotEvery === undefined ? {} : { snapshotEvery }),
      })
        .initially(() => ({ sum: 0 }))
        .evolve({
          added: (state, { n }) => {
            folded.events++;
            return { sum: state.sum + n * version };
          },
        });
      return { stream, folded };
    }
    const added = (n: number) => ({ type: 'added', data: { n } }) as const;

    test('a load reads what came after the snapshot, and makes the next when there is much', async () => {
      const id = randomUUID();
      const { stream, folded } = counting(1, 10);
      await events.append(stream, id, upTo(25).map(added), { expectedVersion: 'none' });
      expect(await events.load(stream, id)).toMatchObject({ state: { sum: 325 }, version: 25 });
      expect(folded.events).toBe(25);
      await events.append(stream, id, upTo(9).map(added), { expectedVersion: 25 });
      for (let i = 1; i <= 2; i++) {
        expect(await events.load(stream, id)).toMatchObject({ state: { sum: 370 }, version: 34 });
        expect(folded.events).toBe(25 + 9 * i);
      }
      await events.append(stream, id, [added(1)], { expectedVersion: 34 });
      await events.load(stream, id);
      folded.events = 0;
      expect(await events.load(stream, id)).toMatchObject({ state: { sum: 371 }, version: 35 });
      expect(folded.events).toBe(0);
    });

    test('a snapshot of another version of the definition is passed over', async () => {
      const id = randomUUID();
      const [old, renewed] = [counting(1, 5), counting(2, 5)];
      await events.append(old.stream, id, upTo(10).map(added), { expectedVersion: 'none' });
      expect(await events.load(old.stream, id)).toMatchObject({ state: { sum: 55 } });
      expect(await events.load(renewed.stream, id)).toMatchObject({ state: { sum: 110 } });
      expect(renewed.folded.events).toBe(10);
      expect(await events.load(old.stream, id)).toMatchObject({ state: { sum: 55 } });
      expect(old.folded.events).toBe(10);
    });

    test('it is a cache: an older one does not replace a newer one, one from the future or of a deleted stream is not kept', async () => {
      const id = randomUUID();
      const stream = { aggregateType: 'counted', aggregateId: id };
      const { snapshots } = backend;
      await snapshots.save(stream, 1, { version: 1, state: {} });
      expect(await snapshots.find(stream, 1)).toBeUndefined();
      await events.append(counting(1).stream, id, upTo(5).map(added), { expectedVersion: 'none' });
      await snapshots.save(stream, 1, { version: 4, state: { sum: 10 } });
      await snapshots.save(stream, 1, { version: 2, state: { sum: 3 } });
      await snapshots.save(stream, 1, { version: 6, state: { sum: 99 } });
      expect(await snapshots.find(stream, 1)).toEqual({ version: 4, state: { sum: 10 } });
      await events.tombstone(counting(1).stream, id);
      await snapshots.save(stream, 1, { version: 5, state: { sum: 15 } });
      expect(await snapshots.find(stream, 1)).toBeUndefined();
    });

    test('a state that is no JSON is told, not stored as something else', async () => {
      const id = randomUUID();
      const stream = eventStream({ name: 'odd', version: 1, events: { added: z.object({ n: z.number() }) }, snapshotEvery: 1 })
        .initially(() => new Map<string, number>())
        .evolve({ added: (state, { n }) => new Map([...state, ['n', n]]) });
      await events.append(stream, id, [added(1)], { expectedVersion: 'none' });
      await expect(events.load(stream, id)).rejects.toMatchObject({ code: 'PAYLOAD_NOT_JSON' });
    });
  });

  test('the state type is what the definition says', async () => {
    const { state }: { state: OrderState } = await events.load(orders, randomUUID());
    expect(state.status).toBe('none');
  });
});
