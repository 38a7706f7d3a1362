import * as z from 'zod';
import { expect, test } from 'vitest';
import { eventStream, type EventStreamOptions } from '../../src/events/event-stream.ts';

const events = { placed: z.object({ cents: z.number() }), paid: z.object({}) };
const refused = (text: string) => expect.objectContaining({ code: 'INVALID_DEFINITION', message: expect.stringContaining(text) });

test.each<[string, Partial<EventStreamOptions<string, typeof events, { paid?: never }>>]>([
  ['stream', { name: 'with space' }],
  ['stream', { name: '' }],
  ['journal', { name: 'transaction' }],
  ['version is 0', { version: 0 }],
  ['version is 1.5', { version: 1.5 }],
  ['snapshotEvery is 0', { snapshotEvery: 0 }],
  ['at least one event', { events: {} as never }],
  ['has no schema', { events: { placed: {} } as never }],
  ['"$placed"', { events: { $placed: z.object({}) } as never }],
  ['"constructor"', { events: { constructor: z.object({}) } as never }],
])('a definition is refused that says: %s', (text, part) => {
  expect(() => eventStream({ name: 'order', version: 1, events, ...part })).toThrow(refused(text));
});

test('every event must say what it does to the state', () => {
  const stream = eventStream({ name: 'order', version: 1, events }).initially(() => 0);
  expect(() => stream.evolve({ placed: (sum: number) => sum } as never)).toThrow(refused('"paid"'));
  expect(() => stream.evolve({ placed: (sum: number) => sum, paid: (sum: number) => sum, lost: () => 0 } as never)).toThrow(
    refused('"lost"'),
  );
});

test('upcasts are given in order, from version 1, for events there are', () => {
  const stream = eventStream({ name: 'order', version: 1, events });
  expect(stream.schemaVersions).toEqual({ placed: 1, paid: 1 });
  const second = stream.upcast('placed', 1, (old: object) => old);
  expect(second.schemaVersions).toEqual({ placed: 2, paid: 1 });
  expect(stream.schemaVersions).toEqual({ placed: 1, paid: 1 });
  expect(() => second.upcast('placed', 1, (old: object) => old)).toThrow(refused('from version 2'));
  expect(() => second.upcast('placed', 3, (old: object) => old)).toThrow(refused('from version 2'));
  expect(() => second.upcast('lost' as never, 1, (old: object) => old)).toThrow(refused('"lost"'));
  const folded = second.initially(() => 0).evolve({ placed: (sum) => sum, paid: (sum) => sum });
  expect(folded.upcast('placed', 2, (old: object) => old).schemaVersions).toEqual({ placed: 3, paid: 1 });
});
