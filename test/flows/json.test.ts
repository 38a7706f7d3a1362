import { runInNewContext } from 'node:vm';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { hashOf, toJson } from '../../src/flows/json.ts';
import { refusal } from './refusal.ts';

const cycle: Record<string, unknown> = {};
cycle['deep'] = { list: [cycle] };

class Money {
  readonly cents = 5;
}

class Decimal {
  toJSON(): string {
    return '5.00';
  }
}

test.each<[string, unknown, string]>([
  ['a Date', { at: new Date(0) }, 'x.at is a Date, which would come back as something else: use date.toISOString()'],
  ['a Map', new Map(), 'x is a Map, which would come back as something else: use plain objects, arrays, strings and numbers'],
  [
    'a Set in a list',
    [new Set()],
    'x[0] is a Set, which would come back as something else: use plain objects, arrays, strings and numbers',
  ],
  [
    'an object of a class',
    new Money(),
    'x is a Money, which would come back as something else: use plain objects, arrays, strings and numbers',
  ],
  [
    'one that knows JSON',
    new Decimal(),
    'x is a Decimal, which would come back as something else: use plain objects, arrays, strings and numbers',
  ],
  ['a buffer', Buffer.from('x'), 'x is a Buffer, which would come back as something else: use plain objects, arrays, strings and numbers'],
  ['a boxed number', Object(1), 'x is a Number, which would come back as something else: use plain objects, arrays, strings and numbers'],
  ['an error', new Error('x'), 'x is a Error, which would come back as something else: use plain objects, arrays, strings and numbers'],
  [
    'a promise',
    Promise.resolve(1),
    'x is a Promise, which would come back as something else: use plain objects, arrays, strings and numbers',
  ],
  ['a BigInt', { n: 1n }, "x.n is a BigInt, which JSON can't carry: send it as a string"],
  ['NaN', [0, NaN], "x[1] is NaN, which JSON can't carry: send a string or null instead"],
  ['Infinity', -Infinity, "x is -Infinity, which JSON can't carry: send a string or null instead"],
  ['a function', { f: () => 1 }, "x.f is a function, which can't be stored: leave it out"],
  ['a symbol', { s: Symbol('s') }, "x.s is a symbol, which can't be stored: leave it out"],
  ['a cycle', cycle, 'x.deep.list[0] contains itself: store an id instead of the object'],
  ['a toJSON', { a: { toJSON: () => 1 } }, 'x.a has a toJSON method: pass plain data'],
  ['undefined in a list', [1, undefined], 'x[1] is undefined, which a list would give back as null: use null, or leave it out'],
  ['a hole in a list', { l: Array(1) }, 'x.l[0] is undefined, which a list would give back as null: use null, or leave it out'],
])('S24 %s is refused, with its place and what to do', (_what, value, message) => {
  expect(() => toJson(value, 'x')).toThrow(refusal(message, 'PAYLOAD_NOT_JSON'));
});

test('S24 nesting has a limit', () => {
  const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)]);
  expect(toJson(nested(64), 'x')).toHaveLength(129);
  expect(() => toJson(nested(65), 'x')).toThrow(refusal('x is nested deeper than 64 levels: flatten it', 'PAYLOAD_TOO_LARGE'));
  let deep: unknown = {};
  for (let level = 0; level < 100_000; level++) deep = { deep };
  expect(() => toJson(deep, 'x')).toThrow(refusal('x is nested deeper than 64 levels: flatten it', 'PAYLOAD_TOO_LARGE'));
});

test('S95 size has a limit, in bytes', () => {
  expect(() => toJson('é'.repeat(600_000), 'the input')).toThrow(
    refusal(
      'the input is 1200002 bytes, over the limit of 1048576: store it elsewhere and pass a reference, or raise maxPayloadBytes',
      'PAYLOAD_TOO_LARGE',
    ),
  );
  expect(toJson('é'.repeat(600_000), 'x', { maxBytes: 1_200_002, maxDepth: 1 })).toHaveLength(600_002);
});

test('S24 an object that is met again and again does not keep the check busy', () => {
  let doubled: unknown = 'x';
  for (let level = 0; level < 60; level++) doubled = [doubled, doubled];
  const before = performance.now();
  expect(() => toJson(doubled, 'the result')).toThrow(
    refusal(
      'the result is over the limit of 1048576 bytes: store it elsewhere and pass a reference, or raise maxPayloadBytes',
      'PAYLOAD_TOO_LARGE',
    ),
  );
  expect(performance.now() - before).toBeLessThan(2000);
});

test('the same object twice is no cycle', () => {
  const address = { city: 'Lyon' };
  expect(toJson({ from: address, to: address }, 'x')).toBe('{"from":{"city":"Lyon"},"to":{"city":"Lyon"}}');
});

test('plain data is taken, also without a prototype or of another realm', () => {
  expect(toJson(undefined, 'x')).toBe('null');
  expect(toJson({ a: undefined, b: null }, 'x')).toBe('{"b":null}');
  expect(toJson(Object.assign(Object.create(null), { a: 1 }), 'x')).toBe('{"a":1}');
  expect(toJson(runInNewContext('({ list: [1, { a: "b" }] })'), 'x')).toBe('{"list":[1,{"a":"b"}]}');
});

test('`__proto__` stays data', () => {
  const hostile: unknown = JSON.parse('{"__proto__":{"admin":true},"constructor":{"prototype":{}}}');
  const back = JSON.parse(toJson(hostile, 'x')) as { admin?: boolean };
  expect(Object.keys(back)).toEqual(['__proto__', 'constructor']);
  expect(back.admin).toBeUndefined();
  expect(({} as { admin?: boolean }).admin).toBeUndefined();
  expect(hashOf(hostile)).not.toBe(hashOf({ constructor: { prototype: {} } }));
});

test('what is taken comes back as it went in', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
      const text = toJson(value, 'x');
      expect(text).toBe(JSON.stringify(value));
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
    }),
    { numRuns: 300 },
  );
});

function shuffled(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shuffled);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, child]) => [key, shuffled(child)]),
  );
}

test('hashOf does not depend on the order of keys, and on everything else', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
      expect(hashOf(shuffled(value))).toBe(hashOf(value));
      expect(hashOf([value])).not.toBe(hashOf(value));
      expect(hashOf({ value })).not.toBe(hashOf([value]));
    }),
    { numRuns: 300 },
  );
  const different = [
    null,
    0,
    1,
    '',
    '0',
    '1',
    false,
    true,
    [],
    {},
    [1, 2],
    [2, 1],
    { a: 1 },
    { a: '1' },
    { b: 1 },
    { a: 1, b: 1 },
    undefined,
  ];
  expect(new Set(different.map(hashOf)).size).toBe(different.length);
  expect(hashOf({ a: 1 })).toMatch(/^[0-9a-f]{32}$/);
});
