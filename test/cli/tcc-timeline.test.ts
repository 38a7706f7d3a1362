import { expect, test } from 'vitest';
import { renderTimeline } from '../../src/cli/timeline.ts';
import type { TransactionEvent } from '../../src/machine/event.ts';
import { attempt, failed, historyOf, START_MS, started, succeeded, turned } from './history.ts';

function tccStarted(): TransactionEvent {
  const event = started();
  if (event.type !== 'saga_started') throw new Error('it starts');
  return { ...event, data: { ...event.data, saga: 'checkout', kind: 'tcc' } };
}

function tried(step: string): TransactionEvent {
  return { type: 'step_issued', data: { step, args: {}, hold: { expiresAtMs: START_MS + 60_000 } } };
}

test('a TCC whose outcome is mixed reads in its own words, and says what is not confirmed', () => {
  const error = { name: 'HoldExpired', message: 'given away', code: 'HOLD_EXPIRED' };
  const history = historyOf(
    [0, tccStarted()],
    [0, tried('stock')],
    [10, succeeded('stock', 5)],
    [10, tried('credit')],
    [20, succeeded('credit', 15)],
    [20, { type: 'verdict_reached', data: { verdict: 'confirm' } }],
    [20, { type: 'confirm_issued', data: { step: 'stock' } }],
    [20, { type: 'confirm_issued', data: { step: 'credit' } }],
    [30, { type: 'confirm_succeeded', data: { step: 'stock', ...attempt(1, 25) } }],
    [40, { type: 'confirm_stuck', data: { step: 'credit', error, ...attempt(1, 25) } }],
  );
  expect(renderTimeline({ id: 'c-1', history, notCompensated: ['credit'], nowMs: START_MS + 1_000 })).toBe(`c-1
  tcc          checkout version 3
  status       ! stuck
  started      2026-01-31 12:00:00 UTC
  running for  1.0 s
  verdict      confirm

  +0.000 s  ▶ started
  +0.000 s  · stock   queued to be tried, to be held until 2026-01-31 12:01:00 UTC
  +0.010 s  ✔ stock   held (attempt 1, 5 ms in work, by host:1:aa)
  +0.010 s  · credit  queued to be tried, to be held until 2026-01-31 12:01:00 UTC
  +0.020 s  ✔ credit  held (attempt 1, 5 ms in work, by host:1:aa)
  +0.020 s  ✔ verdict: confirm
  +0.020 s  · stock   queued to be confirmed
  +0.020 s  · credit  queued to be confirmed
  +0.030 s  ✔ stock   confirmed (attempt 1, 5 ms in work, by host:1:aa)
  +0.040 s  ! credit  stuck, it can't be confirmed (attempt 1, 15 ms in work, by host:1:aa): HoldExpired: given away

Not confirmed: credit
It waits for a person. Mend the cause, then run:
  amends retry c-1`);
});

test('a TCC that is cancelled: the verdict, and what is given back apart', () => {
  const history = historyOf(
    [0, tccStarted()],
    [0, tried('stock')],
    [30, failed('stock', 'none left', 20)],
    [30, turned('stock', 'none left')],
    [30, { type: 'compensation_issued', data: { step: 'stock' } }],
    [40, { type: 'compensation_succeeded', data: { step: 'stock', ...attempt(1, 35) } }],
    [40, { type: 'tcc_cancelled', data: {} }],
  );
  expect(renderTimeline({ id: 'c-2', history, notCompensated: [], nowMs: START_MS + 1_000 })).toBe(`c-2
  tcc      checkout version 3
  status   ↶ cancelled
  started  2026-01-31 12:00:00 UTC
  took     40 ms
  verdict  cancel: stock failed: none left

  +0.000 s  ▶ started
  +0.000 s  · stock  queued to be tried, to be held until 2026-01-31 12:01:00 UTC
  +0.030 s  ✖ stock  try failed, nothing is held (attempt 1, 10 ms in work, by host:1:aa): none left
  +0.030 s  ↩ verdict: cancel: stock failed: none left
            ── cancel ──
  +0.030 s  │ · stock  queued to be cancelled
  +0.040 s  │ ↩ stock  cancelled (attempt 1, 5 ms in work, by host:1:aa)
  +0.040 s  │ ↩ cancelled: nothing is held any more`);
});
