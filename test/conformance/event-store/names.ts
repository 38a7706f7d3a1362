import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import type { EventStore, NewEvent, StreamName } from '../../../src/events/event-store.ts';
import { TRANSACTION } from '../../../src/journal/journal.ts';
import { batch, dataOf, event, readAll } from '../../support/streams.ts';
import type { TestStore } from '../../support/stores.ts';

const GRINNING = '\u{1F600}'; // 4 bytes of UTF-8

export function namesSuite(store: TestStore): void {
  let events: EventStore;
  beforeAll(async () => {
    ({ events } = await store.open());
  });
  const named = (aggregateId: string): StreamName => ({ aggregateType: 'order', aggregateId });

  describe('ids of streams', () => {
    test('upper and lower case, composed and decomposed letters, and spaces at the end are different streams', async () => {
      const key = randomUUID();
      const ids = [`Order-${key}`, `ORDER-${key}`, `order-${key}`, `order-${key} `, ` order-${key}`, `\u00e9-${key}`, `e\u0301-${key}`];
      for (const id of ids)
        expect(await events.append(named(id), [event({ id })], { expectedVersion: 'none' })).toMatchObject({ firstVersion: 1 });
      for (const id of ids) expect(await dataOf(events, named(id))).toEqual([{ id }]);
    });

    test.each([
      '__proto__',
      'constructor',
      'toString',
      'a:b/c.d',
      '{tag}',
      '}{',
      '100%_*?[a-z]',
      `'; DROP TABLE events; --`,
      '"quoted" \\back\\slash',
      'line\nbreak\r\ttab',
      '日本語 ✓',
      '0',
      '-1',
      '*',
      '$',
      ' ',
      GRINNING.repeat(128),
      'x'.repeat(512),
    ])('%j is an id like any other', async (aggregateId) => {
      const stream = named(aggregateId);
      const two = batch(2);
      expect(await events.append(stream, two, { expectedVersion: 'none' })).toMatchObject({ firstVersion: 1, lastVersion: 2 });
      expect(await events.append(stream, two, { expectedVersion: 'none' })).toMatchObject({ duplicate: true });
      expect(await readAll(events, stream)).toMatchObject([
        { ...stream, version: 1 },
        { ...stream, version: 2 },
      ]);
    });

    test.each([
      ['of 513 bytes', 'x'.repeat(513)],
      ['of 512 characters and 513 bytes', `${'x'.repeat(511)}\u00e9`],
      ['that is empty', ''],
      ['with a NUL', 'a\0b'],
      ['with half a surrogate pair, which would be stored as something else', 'a\ud800b'],
      ['that is no text', 42 as never],
    ])('an id %s is refused', async (_name, aggregateId) => {
      await expect(events.append(named(aggregateId), batch(1), { expectedVersion: 'none' })).rejects.toMatchObject({ code: 'INVALID_ID' });
      await expect(readAll(events, named(aggregateId))).rejects.toMatchObject({ code: 'INVALID_ID' });
    });

    test.each([
      ['an empty aggregate type', { aggregateType: '' }, {}],
      ['an aggregate type with a NUL', { aggregateType: 'or\0der' }, {}],
      ['an empty event id', {}, { eventId: '' }],
      ['an event id with a NUL', {}, { eventId: 'a\0b' }],
      ['an event id with half a surrogate pair', {}, { eventId: 'a\udc00b' }],
      ['an empty event type', {}, { eventType: '' }],
      ['an event type with a NUL', {}, { eventType: 'a\0b' }],
    ])('%s is refused and nothing is stored', async (_name, streamPart, eventPart) => {
      const stream = { ...named(randomUUID()), ...streamPart };
      const bad: NewEvent = { ...event(), ...eventPart };
      await expect(events.append(stream, [bad], { expectedVersion: 'none' })).rejects.toMatchObject({
        code: 'INVALID_ID',
      });
      expect(await readAll(events, named(stream.aggregateId))).toEqual([]);
    });

    test("the journal's streams are not written past it", async () => {
      const stream: StreamName = { aggregateType: TRANSACTION, aggregateId: randomUUID() };
      await expect(events.append(stream, batch(1), { expectedVersion: 'any' })).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
      expect(await readAll(events, stream)).toEqual([]);
    });

    test('a stream is known by its type and its id', async () => {
      const aggregateId = randomUUID();
      const order: StreamName = { aggregateType: 'order', aggregateId };
      const invoice: StreamName = { aggregateType: 'invoice', aggregateId };
      await events.append(order, [event({ of: 'order' })], { expectedVersion: 'none' });
      await events.append(invoice, [event({ of: 'invoice' })], { expectedVersion: 'none' });
      expect(await dataOf(events, order)).toEqual([{ of: 'order' }]);
      expect(await dataOf(events, invoice)).toEqual([{ of: 'invoice' }]);
    });

    test('type and id do not run into each other', async () => {
      const key = randomUUID();
      const left: StreamName = { aggregateType: 'a', aggregateId: `b:c${key}` };
      const right: StreamName = { aggregateType: 'a:b', aggregateId: `c${key}` };
      await events.append(left, [event({ of: 'left' })], { expectedVersion: 'none' });
      expect(await readAll(events, right)).toEqual([]);
    });
  });
}
