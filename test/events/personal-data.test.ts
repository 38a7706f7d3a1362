import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import { beforeAll, describe, expect, test } from 'vitest';
import type { EventBackend } from '../../src/events/backend.ts';
import { eventStream } from '../../src/events/event-stream.ts';
import { createEventStreams, type EventStreams } from '../../src/events/events.ts';
import { FORGOTTEN } from '../../src/events/personal-data.ts';
import { describeEachStore } from '../support/stores.ts';
import { upTo } from '../support/streams.ts';
import { all } from './orders.ts';

const address = z.object({ street: z.string(), lines: z.array(z.string()) });
const bookings = eventStream({
  name: 'booking',
  version: 1,
  events: {
    booked: z.object({ customerId: z.string(), email: z.string(), address: address.optional(), nights: z.number() }),
    left: z.object({ note: z.string().nullable() }),
  },
  personal: { booked: { subject: 'customerId', fields: ['email', 'address'] }, left: { fields: ['note'] } },
})
  .initially((): { mail: string | undefined; nights: number } => ({ mail: undefined, nights: 0 }))
  .evolve({ booked: (state, { email, nights }) => ({ mail: email, nights: state.nights + nights }), left: (state) => state });

describeEachStore('data about people', (store) => {
  let backend: EventBackend;
  let events: EventStreams;
  beforeAll(async () => {
    ({ backend } = await store.open());
    events = createEventStreams({ backend });
  });

  const booked = (customerId: string, email: string) => ({
    type: 'booked' as const,
    data: { customerId, email, address: { street: `${email} street`, lines: ['ä"\\', '😀'] }, nights: 2 },
  });

  test('is stored encrypted, and read as it was', async () => {
    const [id, customer] = [randomUUID(), randomUUID()];
    const email = `${randomUUID()}@example.org`;
    const given = booked(customer, email);
    await events.append(bookings, id, [given, { type: 'left', data: { note: null } }], {
      expectedVersion: 'none',
      metadata: { actor: 'a' },
    });
    const [first, second] = await all(events.read(bookings, id));
    expect(first).toMatchObject({ data: given.data, forgotten: [], metadata: { actor: 'a' } });
    expect(Object.keys(first!.metadata)).toEqual(['actor']);
    expect(second).toMatchObject({ type: 'left', data: { note: null } });
    expect(await store.traces(email)).toEqual([]);
    const [stored] = await all(events.store.read({ aggregateType: 'booking', aggregateId: id }));
    expect(stored!.eventData).toMatchObject({ customerId: customer, nights: 2, email: expect.stringMatching(/^[\w+/]+=*$/) });
    expect(await events.load(bookings, id)).toMatchObject({ state: { mail: email, nights: 2 } });
  });

  test('of who is forgotten reads as a placeholder, in every stream and at once for every process; of others it stays', async () => {
    const [gone, stays] = [randomUUID(), randomUUID()];
    const ids = upTo(2).map(() => randomUUID());
    for (const id of ids) {
      await events.append(bookings, id, [booked(gone, `g@${id}`), booked(stays, `s@${id}`)], { expectedVersion: 'none' });
      await events.archive(bookings, id, { toVersion: 1 });
    }
    const elsewhere = createEventStreams({ backend: (await store.open()).backend });
    expect(await all(elsewhere.read(bookings, ids[0]!))).toMatchObject([{ forgotten: [] }, { forgotten: [] }]);
    expect(await events.forget(gone)).toBe(true);
    expect(await events.forget(gone)).toBe(false);
    for (const reader of [events, elsewhere]) {
      for (const id of ids) {
        expect(await all(reader.read(bookings, id))).toMatchObject([
          { data: { customerId: gone, email: FORGOTTEN, address: FORGOTTEN, nights: 2 }, forgotten: ['email', 'address'] },
          { data: { customerId: stays, email: `s@${id}` }, forgotten: [] },
        ]);
      }
    }
    expect(await events.load(bookings, ids[0]!)).toMatchObject({ state: { nights: 4 } });
  });

  test('without a field that names the person it is the aggregate', async () => {
    const id = randomUUID();
    await events.append(bookings, id, [{ type: 'left', data: { note: 'Anna was here' } }], { expectedVersion: 'none' });
    expect(await events.forget(id)).toBe(true);
    expect(await all(events.read(bookings, id))).toMatchObject([{ data: { note: FORGOTTEN }, forgotten: ['note'] }]);
  });

  test('who comes back gets a new key: what is new can be read, what is old can not', async () => {
    const [id, customer] = [randomUUID(), randomUUID()];
    await events.append(bookings, id, [booked(customer, 'old@x')], { expectedVersion: 'none' });
    await events.forget(customer);
    await events.append(bookings, id, [booked(customer, 'new@x')], { expectedVersion: 1 });
    expect(await all(events.read(bookings, id))).toMatchObject([{ data: { email: FORGOTTEN } }, { data: { email: 'new@x' } }]);
  });

  test('an event that is appended again is the same event, also from another process', async () => {
    const [id, customer, eventId] = [randomUUID(), randomUUID(), randomUUID()];
    const given = { ...booked(customer, 'a@x'), eventId };
    await events.append(bookings, id, [given], { expectedVersion: 'none' });
    const elsewhere = createEventStreams({ backend: (await store.open()).backend });
    expect(await elsewhere.append(bookings, id, [given], { expectedVersion: 'none' })).toMatchObject({ duplicate: true });
    const other = { ...booked(customer, 'b@x'), eventId };
    await expect(events.append(bookings, id, [other], { expectedVersion: 'none' })).rejects.toMatchObject({ code: 'EVENT_ID_REUSED' });
  });

  test('two that append for one person for the first time agree on one key', async () => {
    const customer = randomUUID();
    const ids = upTo(8).map(() => randomUUID());
    const others = await Promise.all(upTo(4).map(async () => createEventStreams({ backend: (await store.open()).backend })));
    await Promise.all(
      ids.map((id, i) => others[i % others.length]!.append(bookings, id, [booked(customer, `m@${id}`)], { expectedVersion: 'none' })),
    );
    for (const id of ids) expect(await all(events.read(bookings, id))).toMatchObject([{ data: { email: `m@${id}` } }]);
    expect((await all(backend.subjectKeys.all())).filter(({ subject }) => subject === customer)).toHaveLength(1);
  });

  test('what was moved to another event is not read as if it belonged there', async () => {
    const [id, customer] = [randomUUID(), randomUUID()];
    await events.append(bookings, id, [booked(customer, 'a@x')], { expectedVersion: 'none' });
    const [stored] = await all(events.store.read({ aggregateType: 'booking', aggregateId: id }));
    const { eventType, eventData, metadata } = stored!;
    await events.store.append({ aggregateType: 'booking', aggregateId: id }, [{ eventType, eventData, metadata }], { expectedVersion: 1 });
    expect(await all(events.read(bookings, id, { fromVersion: 2 }))).toMatchObject([
      { data: { email: FORGOTTEN }, forgotten: ['email', 'address'] },
    ]);
  });

  test('the person must be named', async () => {
    const id = randomUUID();
    await expect(events.append(bookings, id, [booked('', 'a@x')], { expectedVersion: 'none' })).rejects.toMatchObject({
      code: 'INVALID_ID',
    });
    await expect(events.forget('')).rejects.toMatchObject({ code: 'INVALID_ID' });
    expect(await events.head(bookings, id)).toBeUndefined();
  });

  describe('what goes with a definition', () => {
    const data = z.object({ name: z.string(), person: z.string() });
    test.each([
      ['a snapshot, which would keep it', { snapshotEvery: 10, personal: { told: { fields: ['name'] } } }],
      ['the field that names the person among those that are encrypted', { personal: { told: { subject: 'name', fields: ['name'] } } }],
      ['no field at all', { personal: { told: { fields: [] } } }],
      ['an event it does not have', { personal: { lost: { fields: ['name'] } } }],
    ])('%s is refused', (_what, options) => {
      expect(() => eventStream({ name: 'story', version: 1, events: { told: data }, ...(options as object) })).toThrow(
        expect.objectContaining({ code: 'INVALID_DEFINITION' }),
      );
    });
  });
});
