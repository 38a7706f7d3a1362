import { describe, expect, test } from 'vitest';
import type { JournaledEvent } from '../../src/journal/journal.ts';
import { renderTimeline } from '../../src/cli/timeline.ts';
import { attempt, failed, historyOf, issued, START_MS, started, succeeded, turned } from './history.ts';

function render(
  history: readonly JournaledEvent[],
  rest: { notCompensated?: readonly string[]; nowMs?: number; id?: string } = {},
): string {
  const { notCompensated = [], nowMs = START_MS + 60_000, id = 'order-42' } = rest;
  return renderTimeline({ id, history, notCompensated, nowMs });
}

const COMPENSATED = historyOf(
  [0, started({ customer: 'c1' })],
  [0, issued('create_order')],
  [14, succeeded('create_order', 5)],
  [14, issued('charge_payment')],
  [30, failed('charge_payment', 'card declined', 20)],
  [30, turned('charge_payment', 'card declined')],
  [30, { type: 'compensation_issued', data: { step: 'create_order' } }],
  [1045, { type: 'compensation_succeeded', data: { step: 'create_order', ...attempt(1, 1040) } }],
  [1045, { type: 'saga_compensated', data: {} }],
);

const JAMMED = { name: 'TypeError', message: 'jammed' };
const STUCK = historyOf(
  [0, started()],
  [0, issued('create_order')],
  [14, succeeded('create_order', 5)],
  [14, issued('charge_payment')],
  [30, failed('charge_payment', 'card declined', 20)],
  [30, turned('charge_payment', 'card declined')],
  [30, { type: 'compensation_issued', data: { step: 'create_order' } }],
  [40, { type: 'compensation_stuck', data: { step: 'create_order', error: JAMMED, ...attempt(1, 35) } }],
);

describe('timeline', () => {
  test('a saga that was undone reads as what it is, line by line, the undo apart', () => {
    expect(render(COMPENSATED)).toBe(`order-42
  saga         order version 3
  status       ↩ compensated
  started      2026-01-31 12:00:00 UTC
  took         1.0 s
  tags         customer=c1
  turned back  charge_payment failed: card declined

  +0.000 s  ▶ started
  +0.000 s  · create_order    queued
  +0.014 s  ✔ create_order    succeeded (attempt 1, 9 ms in work, by host:1:aa)
  +0.014 s  · charge_payment  queued
  +0.030 s  ✖ charge_payment  failed, it had no effect (attempt 1, 10 ms in work, by host:1:aa): card declined
  +0.030 s  ↩ turned back: charge_payment failed: card declined
            ── undo, last step first ──
  +0.030 s  │ · create_order    queued to be undone
  +1.045 s  │ ↩ create_order    undone (attempt 1, 5 ms in work, by host:1:aa)
  +1.045 s  │ ↩ compensated: nothing is left behind`);
  });

  test('a stuck one says what is left behind and which command comes next', () => {
    const text = render(STUCK, { notCompensated: ['create_order'] });
    expect(text).toContain('status       ! stuck');
    expect(text).toContain(
      "+0.040 s  │ ! create_order    stuck, it can't be undone (attempt 1, 5 ms in work, by host:1:aa): TypeError: jammed",
    );
    expect(text).toContain('running for  1 min');
    expect(text.split('\n').slice(-3)).toEqual([
      'Not undone: create_order',
      'It waits for a person. Mend the cause, then run:',
      '  amends retry order-42',
    ]);
  });

  test('the command to run next leads to the same store', () => {
    const hint = (command: string): string => `${command} --namespace shop`;
    const text = renderTimeline({ id: 'order-42', history: STUCK, notCompensated: [], nowMs: START_MS, hint });
    expect(text).toContain('  amends retry order-42 --namespace shop');
  });

  test('a failed attempt tells when the next one comes', () => {
    const text = render(
      historyOf(
        [0, started()],
        [0, issued('charge_payment')],
        [
          8,
          {
            type: 'attempt_failed',
            data: {
              step: 'charge_payment',
              op: 'run',
              error: { name: 'Error', message: 'ECONNRESET' },
              outcome: 'unknown',
              retryInMs: 210,
              ...attempt(1, 3),
            },
          },
        ],
        [220, { type: 'attempt_started', data: { step: 'charge_payment', op: 'run', ...attempt(2, 220) } }],
      ),
    );
    expect(text).toContain(
      '✖ charge_payment  attempt failed, effect unknown (attempt 1, 5 ms in work, by host:1:aa): ECONNRESET; will be retried in 210 ms',
    );
    expect(text).toContain('· charge_payment  attempt 2 begins, by host:1:aa');
    expect(text).toContain('It goes on by itself. To turn it back: amends cancel order-42');
  });

  test('a completed one has no undo and nothing to do next', () => {
    const text = render(
      historyOf(
        [0, started()],
        [0, issued('create_order')],
        [9, succeeded('create_order', 4)],
        [9, { type: 'saga_completed', data: { output: {} } }],
        [50, { type: 'late_result', data: { step: 'create_order', op: 'run', succeeded: true, ...attempt(1, 4) } }],
      ),
    );
    expect(text).not.toContain('undo');
    expect(text).toContain('took     9 ms');
    expect(text.split('\n').at(-1)).toBe(
      '  +0.050 s  ? create_order  answered with a success after it was settled: recorded, never used (attempt 1, 46 ms in work, by host:1:aa)',
    );
  });

  test('who cancelled and why is told', () => {
    const text = render(
      historyOf([0, started()], [5, { type: 'saga_turned', data: { turn: { kind: 'cancelled', by: 'ann@desk', reason: 'typo' } } }]),
    );
    expect(text).toContain('turned back: cancelled by ann@desk: typo');
  });

  test('whatever came from outside is escaped, so that it stays one line and moves no cursor', () => {
    const evil = '\u001b[2Jgone\r\nsecond \u202eline';
    const text = render(
      historyOf(
        [0, started({ [evil]: evil })],
        [0, issued(evil)],
        [1, failed(evil, evil, 0)],
        [1, turned(evil, evil)],
        [2, { type: 'retry_requested', data: { step: evil, op: 'compensate', by: evil, reason: evil } }],
      ),
      { id: evil, notCompensated: [evil] },
    );
    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(text).toContain('\\u{1b}[2Jgone\\r\\nsecond \\u{202e}line');
    expect(text.split('\n').filter((line) => line.startsWith('  +'))).toHaveLength(5);
  });

  test('an error as long as a book is cut', () => {
    const longest = Math.max(
      ...render(historyOf([0, started()], [0, issued('a')], [1, failed('a', 'x'.repeat(10_000), 0)]))
        .split('\n')
        .map((line) => line.length),
    );
    expect(longest).toBeLessThan(500);
  });

  test('no events: it says so', () => {
    expect(render([])).toBe('order-42 has no events');
  });
});
