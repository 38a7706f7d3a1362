import { describe, expect, test } from 'vitest';
import { errorGroupOf } from '../../src/operations/error-group.ts';

function group(message: string, more: { name?: string; code?: string } = {}): string {
  return errorGroupOf({ name: 'Error', message, ...more });
}

describe('errors are of one group when they differ in', () => {
  test.each([
    ['a number', 'timeout after 30000 ms', 'timeout after 5 ms', 'Error: timeout after … ms'],
    ['an id', 'no order-42 here', 'no ord_8f3a here', 'Error: no … here'],
    [
      'a UUID',
      'payment 2f1e4b9a-7c3d-4e21-9b1a-0c8d5e6f7a8b declined',
      'payment 9a8b7c6d-5e4f-4321-8b1a-1c2d3e4f5a6b declined',
      'Error: payment … declined',
    ],
    ['what is in quotes', 'no stock for "green tea"', 'no stock for "coffee"', 'Error: no stock for …'],
    ["what is in ' or `", "no 'tea' of `us`", "no 'cocoa' of `them`", 'Error: no … of …'],
    ['an address', 'connect ECONNREFUSED 10.0.0.7:5432', 'connect ECONNREFUSED 10.0.0.9:5433', 'Error: connect ECONNREFUSED …'],
    ['white space', 'a  b\n c', 'a b c', 'Error: a b c'],
  ])('%s', (_what, one, other, expected) => {
    expect([group(one), group(other)]).toEqual([expected, expected]);
  });
});

test('an apostrophe is no quote; a code, a name and other words make another group', () => {
  expect(group("it can't be undone, don't ask")).toBe("Error: it can't be undone, don't ask");
  expect(new Set([group('away'), group('away', { name: 'TypeError' }), group('away', { code: 'E_AWAY' }), group('gone')]).size).toBe(4);
});

test('a text of any length takes no time and stays short', () => {
  for (const text of ['a'.repeat(1_000_000), "'".repeat(1_000_000), '-'.repeat(1_000_000), '"x'.repeat(500_000)]) {
    const from = performance.now();
    expect(group(text).length).toBeLessThanOrEqual(200);
    expect(performance.now() - from).toBeLessThan(1_000);
  }
});
