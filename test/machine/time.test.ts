import { expect, test } from 'vitest';
import { decide } from '../../src/machine/decide.ts';
import { orderSaga, parallelSaga } from '../support/sagas.ts';
import { START_MS, Transaction } from './transaction.ts';

const DEADLINE_MS = START_MS + 1000;

function order(): Transaction {
  return new Transaction(orderSaga, { deadlineAtMs: DEADLINE_MS });
}

test('S61 the deadline passes on the way forward: no new step, what is in flight settles, then the undo', () => {
  const late = order();
  late.succeed('reserve_stock');
  expect(late.deadline(DEADLINE_MS - 1), 'not yet').toEqual([]);
  expect(late.deadline(DEADLINE_MS)).toEqual(['saga_turned']);
  expect(late.state).toMatchObject({ status: 'compensating', turn: { kind: 'deadline' } });
  expect(late.inFlight).toEqual(['run charge_card']);
  late.succeed('charge_card');
  late.undo('charge_card');
  late.undo('reserve_stock');
  expect(late.state.status).toBe('compensated');
  expect(late.issued).not.toContain('run create_shipment');
  expect(late.deadline(DEADLINE_MS + 5)).toEqual([]);
});

test('S61 an attempt that fails past the deadline is the last', () => {
  const late = order();
  expect(late.fail('reserve_stock', { nowMs: DEADLINE_MS })).toEqual(['step_failed', 'saga_turned', 'compensation_issued']);
  expect(late.state.turn).toEqual({ kind: 'deadline' });
});

test('S61 no delay reaches beyond the deadline', () => {
  const late = order();
  late.fail('reserve_stock', { nowMs: DEADLINE_MS - 30 });
  expect(late.of('attempt_failed')).toMatchObject([{ retryInMs: 30 }]);
});

test('S62 the deadline passes during the compensation: nothing is interrupted', () => {
  const late = order();
  late.succeed('reserve_stock');
  late.refuse('charge_card');
  expect(late.deadline(DEADLINE_MS)).toEqual([]);
  expect(late.failUndo('reserve_stock', { nowMs: DEADLINE_MS + 1 }), 'it is still retried').toEqual(['attempt_failed']);
  expect(late.of('attempt_failed')).toMatchObject([{ op: 'compensate', retryInMs: 100 }]);
  late.undo('reserve_stock');
  expect(late.state).toMatchObject({ status: 'compensated', turn: { kind: 'step_failed' } });
});

test('S63 the deadline passes while a step backs off: it compensates now', () => {
  const late = order();
  late.succeed('reserve_stock');
  late.fail('charge_card', { nowMs: START_MS });
  late.deadline(DEADLINE_MS);
  expect(late.withdraw('charge_card')).toEqual(['step_failed', 'compensation_issued']);
  expect(late.inFlight).toEqual(['compensate charge_card']);
});

test('S64 the deadline passes before the first step began: no effects', () => {
  const late = order();
  late.deadline(DEADLINE_MS);
  expect(late.withdraw('reserve_stock')).toEqual(['step_withdrawn', 'saga_compensated']);
  expect(late.undone).toEqual([]);
});

test('S66 completion and timeout in the same millisecond: one outcome, whoever wins', () => {
  for (const winner of ['completion', 'timeout'] as const) {
    const race = order();
    for (const step of ['reserve_stock', 'charge_card']) race.succeed(step);
    const seen = race.state;
    const completion = race.success('create_shipment');
    const timeout = race.failure('create_shipment', 'run', { retryable: false, nowMs: DEADLINE_MS - 1 });
    const [first, second] = winner === 'completion' ? [completion, timeout] : [timeout, completion];
    race.append(decide(race.rules, seen, first));
    const afterwards = race.tell(second);
    expect(afterwards).toEqual(winner === 'completion' ? [] : ['late_result']);
    expect(race.inFlight).toEqual([winner === 'completion' ? 'run send_mail' : 'compensate create_shipment']);
  }
});

test('S66 the deadline and the last branch of a stage in the same millisecond: either it went on or it turned back', () => {
  const race = new Transaction(parallelSaga, { deadlineAtMs: DEADLINE_MS });
  race.succeed('first');
  race.succeed('left');
  race.succeed('middle');
  const last = race.success('right');
  race.deadline(DEADLINE_MS);
  expect(race.tell(last)).toEqual(['step_succeeded', 'compensation_issued']);
  expect(race.issued).not.toContain('run up');
});
