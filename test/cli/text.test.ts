import { describe, expect, test } from 'vitest';
import { duration, offset, timestamp } from '../../src/operations/duration.ts';
import { hintFor } from '../../src/cli/options.ts';
import { excerpt, printable } from '../../src/operations/printable.ts';
import { renderTransactions } from '../../src/cli/transactions-table.ts';
import type { TransactionSummary } from '../../src/journal/journal.ts';
import { STATUSES } from '../../src/machine/state.ts';
import { START_MS } from './history.ts';

describe('durations', () => {
  test.each([
    [0, '0 ms'],
    [999, '999 ms'],
    [1000, '1.0 s'],
    [59_999, '59.9 s'],
    [60_000, '1 min'],
    [192_000, '3 min 12 s'],
    [7_500_000, '2 h 5 min'],
    [273_600_000, '3 d 4 h'],
    [-5, '0 ms'],
  ])('%i ms is %s', (ms, text) => expect(duration(ms)).toBe(text));

  test.each([
    [0, '0.000 s'],
    [59_999, '59.999 s'],
    [62_345, '1:02.345'],
    [7_201_001, '2:00:01.001'],
  ])('%i ms after the start is %s', (ms, text) => expect(offset(ms)).toBe(text));

  test('a point in time reads the same everywhere', () => {
    expect(timestamp(START_MS)).toBe('2026-01-31 12:00:00 UTC');
  });
});

describe('printable', () => {
  test.each([
    ['plain £ text ✔', 'plain £ text ✔'],
    ['a\nb\r\tc', 'a\\nb\\r\\tc'],
    ['\u001b]0;title\u0007', '\\u{1b}]0;title\\u{7}'],
    ['\u009b31m', '\\u{9b}31m'],
    ['\u202eabc\u2066', '\\u{202e}abc\\u{2066}'],
    ['\u2028', '\\u{2028}'],
    ['half \ud800', 'half \\u{d800}'],
  ])('%j', (text, shown) => expect(printable(text)).toBe(shown));

  test('an excerpt is never longer than asked, and shows that it was cut', () => {
    expect(excerpt('abcdef', 6)).toBe('abcdef');
    expect(excerpt('abcdefg', 6)).toBe('abcde…');
  });
});

test('a hint repeats the options that lead to the store, quoted where a shell would split them', () => {
  expect(hintFor({})('amends show a')).toBe('amends show a');
  expect(hintFor({ folder: "my 'store'", namespace: 'shop' })('amends show a')).toBe(
    `amends show a --folder 'my '\\''store'\\''' --namespace shop`,
  );
});

describe('table of transactions', () => {
  const row: TransactionSummary = {
    id: 'order-1',
    saga: 'order',
    definitionVersion: 2,
    status: 'completed',
    version: 9,
    tags: {},
    error: undefined,
    startedAtMs: START_MS,
    updatedAtMs: START_MS + 412,
    endedAtMs: START_MS + 412,
  };

  test('a row says it all', () => {
    const text = renderTransactions({ transactions: [row], nowMs: START_MS });
    expect(text).toBe(
      [
        'id       saga      status       started                  duration  error',
        'order-1  order v2  ✔ completed  2026-01-31 12:00:00 UTC  412 ms',
      ].join('\n'),
    );
  });

  test('every status has a mark of its own beside its word', () => {
    const transactions = STATUSES.map((status) => ({ ...row, status }));
    const lines = renderTransactions({ transactions, nowMs: START_MS }).split('\n').slice(1);
    const marks = lines.map((line, i) => new RegExp(`(\\S) ${STATUSES[i]} `).exec(line)?.[1]);
    expect(marks).not.toContain(undefined);
    expect(new Set(marks).size).toBe(STATUSES.length);
  });

  test('one that has not ended tells how long it has been running, and errors stay on their line', () => {
    const running = { ...row, status: 'stuck' as const, endedAtMs: undefined, error: `a\nb ${'x'.repeat(100)}` };
    const text = renderTransactions({ transactions: [running], nowMs: START_MS + 5000, errorLength: 12 });
    expect(text).toContain('5.0 s so far');
    expect(text.split('\n')).toHaveLength(2);
    expect(text).toMatch(/ {2}a\\nb x+…$/);
  });
});
