import { beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../../../src/flows/json.ts';
import type { EventStore } from '../../../src/events/event-store.ts';
import { dataOf, event, freshStream, readAll } from '../../support/streams.ts';
import type { TestStore } from '../../support/stores.ts';

function nested(depth: number): Json {
  let value: Json = 'bottom';
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { value };
  return value;
}

function cycle(): object {
  const value: Record<string, unknown> = {};
  value['self'] = value;
  return value;
}

export function payloadsSuite(store: TestStore): void {
  let events: EventStore;
  beforeAll(async () => {
    ({ events } = await store.open());
  });

  describe('payloads', () => {
    test.each<[string, Json]>([
      ['null', null],
      ['a text', 'plain'],
      ['an empty text', ''],
      ['zero', 0],
      ['false', false],
      ['an empty list', []],
      ['an empty object', {}],
      ['empty lists and objects inside', { list: [], object: {}, lists: [[], [{}], [[]]] }],
      ['null inside', { nothing: null, list: [null, null] }],
      ['numbers at the edge', [2 ** 53 - 1, -(2 ** 53) + 1, 0.1, 1 / 3, 1e21, 1e-7, 5e-324, Number.MAX_VALUE, 123456789012345.67]],
      ['2^53 + 1, which JavaScript itself rounds', [Number('9007199254740993'), '9007199254740993']],
      ['keys that look like numbers', { 1: 'one', 0: 'zero', '-1': 'minus', '': 'empty' }],
      [
        'text of any kind',
        ['Ünïcödé ✓ \u{1F600}', '\u2028\u2029', '"\\\b\f\n\r\t', '\u0001\u001f\u007f', "'; --", '%s $1 {x}', '\ufeff\uffff'],
      ],
      ['63 levels, which are 64 below the metadata', nested(63)],
      ['a long list', Array.from({ length: 20_000 }, (_, i) => i)],
    ])('%s comes back as it was', async (_name, eventData) => {
      const stream = freshStream();
      const stored = { ...event(eventData), metadata: { copy: eventData } };
      await events.append(stream, [stored], { expectedVersion: 'none' });
      const [recorded] = await readAll(events, stream);
      expect(recorded!.eventData).toStrictEqual(eventData);
      expect(recorded!.metadata).toStrictEqual({ copy: eventData });
      expect(await events.append(stream, [stored], { expectedVersion: 'none' })).toMatchObject({ duplicate: true });
    });

    test('`__proto__` and `constructor` stay data and change nothing else', async () => {
      const stream = freshStream();
      const text = '{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}},"list":[{"__proto__":1}]}';
      await events.append(stream, [{ ...event(JSON.parse(text)), metadata: JSON.parse(text) }], { expectedVersion: 'none' });
      const [recorded] = await readAll(events, stream);
      for (const value of [recorded!.eventData, recorded!.metadata] as Record<string, unknown>[]) {
        expect(Object.hasOwn(value, '__proto__')).toBe(true);
        expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
        expect(JSON.parse(JSON.stringify(value))).toEqual(JSON.parse(text));
      }
      expect(({} as { admin?: boolean }).admin).toBeUndefined();
    });

    test.each([
      ['a NUL in a text', { text: 'a\0b' }],
      ['a NUL in a key', { 'a\0b': 1 }],
      ['half a surrogate pair', { text: 'a\ud800b' }],
      ['half a surrogate pair in a key', { '\udc00': 1 }],
      ['surrogates the wrong way round', ['\udc00\ud800']],
    ])('%s comes back as it was, although SQL has no text for it', async (_name, eventData) => {
      const stream = freshStream();
      await events.append(stream, [{ ...event(eventData), metadata: { copy: eventData } }], { expectedVersion: 'none' });
      const [recorded] = await readAll(events, stream);
      expect(JSON.stringify(recorded!.eventData)).toBe(JSON.stringify(eventData));
      expect(JSON.stringify(recorded!.metadata)).toBe(JSON.stringify({ copy: eventData }));
    });

    test('2^53 + 1 as a number is what JavaScript makes of it, and stays that', async () => {
      const stream = freshStream();
      await events.append(stream, [event(JSON.parse('{"n":9007199254740993}'))], { expectedVersion: 'none' });
      expect(await dataOf(events, stream)).toEqual([{ n: 2 ** 53 }]);
    });

    test.each<[string, unknown]>([
      ['a Date', { when: new Date(0) }],
      ['a Map', new Map()],
      ['a BigInt', { n: 1n }],
      ['NaN', [Number.NaN]],
      ['Infinity', { n: Infinity }],
      ['a cycle', cycle()],
      ['a function', { f: () => 1 }],
      ['a symbol', { s: Symbol('s') }],
      ['an object with toJSON', { toJSON: () => 1 }],
      ['a Buffer', Buffer.from('x')],
    ])('%s is refused before anything is stored, as data and as metadata', async (_name, value) => {
      const stream = freshStream();
      await expect(events.append(stream, [event(value as Json)], { expectedVersion: 'none' })).rejects.toMatchObject({
        code: 'PAYLOAD_NOT_JSON',
      });
      const metadata = { value: value as Json };
      await expect(events.append(stream, [{ ...event(), metadata }], { expectedVersion: 'none' })).rejects.toMatchObject({
        code: 'PAYLOAD_NOT_JSON',
      });
      expect(await readAll(events, stream)).toEqual([]);
    });

    test('a megabyte is the limit: one byte more is refused before anything is stored', async () => {
      const stream = freshStream();
      const most = 'x'.repeat(1024 * 1024 - 2); // and two quotes
      const tooMuch = `${most}x`;
      for (const part of [{ eventData: tooMuch }, { metadata: { big: tooMuch } }]) {
        await expect(events.append(stream, [event(), { ...event(), ...part }], { expectedVersion: 'none' })).rejects.toMatchObject({
          code: 'PAYLOAD_TOO_LARGE',
        });
      }
      expect(await readAll(events, stream)).toEqual([]);
      await events.append(stream, [event(most), event(most)], { expectedVersion: 'none' });
      expect(await dataOf(events, stream)).toEqual([most, most]);
    });

    test('100 levels are refused before anything is stored', async () => {
      const stream = freshStream();
      await expect(events.append(stream, [event(nested(100))], { expectedVersion: 'none' })).rejects.toMatchObject({
        code: 'PAYLOAD_TOO_LARGE',
      });
      expect(await readAll(events, stream)).toEqual([]);
    });

    test.each([0, -1, 1.5, Number.NaN, 2 ** 31, '1' as never])('a schema version of %s is refused', async (schemaVersion) => {
      const stream = freshStream();
      await expect(events.append(stream, [{ ...event(), schemaVersion }], { expectedVersion: 'none' })).rejects.toMatchObject({
        code: 'INVALID_OPTION',
      });
      expect(await readAll(events, stream)).toEqual([]);
    });
  });
}
