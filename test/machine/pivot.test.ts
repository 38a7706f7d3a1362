import { expect, test } from 'vitest';
import * as z from 'zod';
import { saga } from '../../src/flows/saga.ts';
import { orderSaga, pivotSaga, plainStep } from '../support/sagas.ts';
import { START_MS, Transaction } from './transaction.ts';

function withPivotInFlight(deadlineAtMs: number | null = null): Transaction {
  const order = new Transaction(pivotSaga, { deadlineAtMs });
  order.succeed('reserve_stock');
  return order;
}

/** The pivot's attempts are used up and nobody knows. */
function withPivotUnknown(): Transaction {
  const order = withPivotInFlight();
  for (let attempt = 1; attempt <= 3; attempt++) order.fail('charge_card');
  return order;
}

test('S30 a retriable step after the pivot fails 50 times: nothing is undone, one alert, then it completes', () => {
  const order = withPivotInFlight();
  order.succeed('charge_card');
  for (let failure = 1; failure <= 50; failure++) {
    const definite = failure % 2 === 0;
    order.fail('send_mail', { outcome: definite ? 'definite' : 'unknown', retryable: !definite });
  }
  expect(order.of('step_overdue')).toEqual([{ step: 'send_mail', attempts: 3 }]);
  expect(Math.max(...order.of('attempt_failed').map(({ retryInMs }) => retryInMs))).toBe(150);
  order.succeed('send_mail');
  expect(order.state.status).toBe('completed');
  expect(order.undone).toEqual([]);
});

test('S30 a readOnly step after the pivot is retried for ever as well', () => {
  const input = z.unknown();
  const order = new Transaction(
    saga({ name: 's', version: 1, input })
      .step(plainStep('charge'), ({ input }) => input, { pivot: true })
      .step(plainStep('look'), ({ input }) => input, { readOnly: true }),
  );
  order.succeed('charge');
  for (let failure = 1; failure <= 20; failure++) order.refuse('look');
  expect(order.inFlight).toEqual(['run look']);
});

test('S31 the pivot fails definitely: the steps before it are undone, it is not', () => {
  const order = withPivotInFlight();
  expect(order.refuse('charge_card', 'declined')).toEqual(['step_failed', 'saga_turned', 'compensation_issued']);
  order.undo('reserve_stock');
  expect(order.state).toMatchObject({ status: 'compensated', turn: { step: 'charge_card', error: { message: 'declined' } } });
  expect(order.undone).toEqual(['reserve_stock']);
});

test('S31 its own word settles it, also about an earlier attempt that said nothing: they carried the same key', () => {
  const order = withPivotInFlight();
  order.fail('charge_card');
  order.refuse('charge_card');
  expect(order.step('charge_card').outcome).toBe('definite');
  expect(order.inFlight).toEqual(['compensate reserve_stock']);
});

test('S32 the pivot is unknown: stuck, and nothing is undone until it is resolved', () => {
  const order = withPivotUnknown();
  expect(order.state.status).toBe('stuck');
  expect(order.issued).toEqual(['run reserve_stock', 'run charge_card']);
  order.deadline(START_MS);
  expect(order.cancel(), 'noted, not carried out').toEqual(['turn_requested']);
  expect(order.inFlight).toEqual([]);
  order.retry();
  expect(order.inFlight).toEqual(['run charge_card']);
  expect(order.fail('charge_card')).toEqual(['attempt_failed']);
  expect(order.refuse('charge_card')).toEqual(['step_failed', 'saga_turned', 'compensation_issued']);
  expect(order.state.turn).toMatchObject({ kind: 'cancelled', by: 'ann' });
});

test('S32 an answer that comes too late is kept for the record: what it said is not known, so the pivot stays in doubt', () => {
  const order = withPivotUnknown();
  const { attemptsEver } = order.step('charge_card');
  const late = { type: 'answered_late', step: 'charge_card', attempt: attemptsEver, worker: 'w-1', startedAtMs: START_MS } as const;
  expect(order.tell(late)).toEqual(['late_result']);
  expect(order.state.status).toBe('stuck');
  order.retry();
  expect(order.tell(late), 'a later attempt will say').toEqual([]);
  order.succeed('charge_card', { receipt: 'r1' });
  expect(order.step('charge_card').result).toEqual({ receipt: 'r1' });
});

test('S32 found to have happened: it goes on forward, and what was asked for meanwhile came too late', () => {
  const order = withPivotUnknown();
  order.cancel();
  expect(order.tell(order.success('charge_card', {}, 1))).toEqual(['step_succeeded', 'step_issued']);
  expect(order.state.pendingTurn).toBeUndefined();
  expect(order.withdraw('send_mail'), 'nothing is taken back any more').toEqual([]);
  order.succeed('send_mail');
  expect(order.state.status).toBe('completed');
});

test('S32 a lost worker leaves the pivot in doubt: its job stays, although the saga is to turn back', () => {
  const order = withPivotInFlight();
  order.lose('charge_card');
  order.cancel();
  expect(order.withdraw('charge_card')).toEqual([]);
  expect(order.inFlight).toEqual(['run charge_card']);
});

test('S33 a cancel after the pivot is refused with what to do instead, a deadline changes nothing', () => {
  const order = withPivotInFlight(START_MS);
  order.succeed('charge_card');
  expect(() => order.cancel()).toThrow(/^transaction t-1 is past its point of no return.*start a saga that reverses it$/);
  expect(order.deadline(START_MS + 1)).toEqual([]);
  expect(order.state.direction).toBe('forward');
});

test('S33 in a saga without a pivot the first retriable step is the point of no return', () => {
  const order = new Transaction(orderSaga, { deadlineAtMs: START_MS });
  for (const step of ['reserve_stock', 'charge_card', 'create_shipment']) order.succeed(step);
  expect(() => order.cancel()).toThrow('past its point of no return');
  expect(order.deadline(START_MS)).toEqual([]);
});

test('S33 a cancel while the pivot is in flight is carried out exactly if the pivot fails', () => {
  const failing = withPivotInFlight();
  expect(failing.cancel()).toEqual(['turn_requested']);
  expect(failing.fail('charge_card', { outcome: 'definite' }), 'no further attempt then').toContain('saga_turned');
  expect(failing.state.turn).toMatchObject({ kind: 'cancelled' });

  const succeeding = withPivotInFlight();
  succeeding.cancel();
  expect(succeeding.succeed('charge_card')).toEqual(['step_succeeded', 'step_issued']);
  expect(() => succeeding.cancel()).toThrow('past its point of no return');
});

test('S33 a cancel before any worker began the pivot takes it back', () => {
  const order = withPivotInFlight();
  order.cancel();
  expect(order.withdraw('charge_card')).toEqual(['step_withdrawn', 'saga_turned', 'compensation_issued']);
  order.undo('reserve_stock');
  expect(order.undone).toEqual(['reserve_stock']);
});
