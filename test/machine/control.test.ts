import { expect, test } from 'vitest';
import { begin, decide } from '../../src/machine/decide.ts';
import { evolve } from '../../src/machine/evolve.ts';
import { orderSaga, parallelSaga } from '../support/sagas.ts';
import { Transaction } from './transaction.ts';

test('S71 a cancel while a step backs off is carried out at once', () => {
  const order = new Transaction(orderSaga);
  order.succeed('reserve_stock');
  order.fail('charge_card', { outcome: 'definite' });
  expect(order.cancel()).toEqual(['saga_turned']);
  expect(order.withdraw('charge_card')).toEqual(['step_withdrawn', 'compensation_issued']);
  expect(order.inFlight).toEqual(['compensate reserve_stock']);
  expect(order.state.turn).toEqual({ kind: 'cancelled', reason: 'the customer changed their mind', by: 'ann' });
});

test('S71 a cancelled saga keeps the failures that came with it', () => {
  const run = new Transaction(parallelSaga);
  run.succeed('first');
  run.cancel();
  run.refuse('left', 'aborted');
  run.withdraw('middle');
  run.withdraw('right');
  expect(run.state.otherFailures).toMatchObject([{ step: 'left', error: { message: 'aborted' } }]);
});

test('S72 cancelled twice: no change', () => {
  const order = new Transaction(orderSaga);
  order.cancel('first');
  expect(order.cancel('second')).toEqual([]);
  expect(order.state.turn).toMatchObject({ reason: 'first' });
  order.withdraw('reserve_stock');
  expect(order.state.status).toBe('compensated');
});

test('S72 cancelled when it has ended: no change, however it ended', () => {
  const completed = new Transaction(orderSaga);
  for (const step of ['reserve_stock', 'charge_card', 'create_shipment', 'send_mail']) completed.succeed(step);
  const compensated = new Transaction(orderSaga);
  compensated.refuse('reserve_stock');
  for (const ended of [completed, compensated]) {
    const version = ended.state.version;
    expect(ended.cancel()).toEqual([]);
    expect(ended.retry()).toEqual([]);
    expect(ended.tell({ type: 'nudged' })).toEqual([]);
    expect(ended.deadline(Infinity)).toEqual([]);
    expect(ended.state.version).toBe(version);
  }
});

test('S73 a cancel races the last completion: one winner', () => {
  const order = new Transaction(orderSaga);
  order.succeed('reserve_stock');
  order.succeed('charge_card');
  const seen = order.state;
  const completion = order.success('create_shipment');
  const cancel = { type: 'cancel_requested', reason: 'too late?', by: 'ann' } as const;

  const completedFirst = decide(order.rules, seen, completion);
  order.append(completedFirst);
  expect(() => order.tell(cancel), 'the mail is out: past the point of no return').toThrow('past its point of no return');

  const other = new Transaction(orderSaga);
  other.succeed('reserve_stock');
  other.succeed('charge_card');
  other.tell(cancel);
  expect(other.tell(completion), 'it happened, so it is undone').toEqual(['step_succeeded', 'compensation_issued']);
});

test('a process without the definition can cancel and retry, and issues nothing', () => {
  const order = new Transaction(orderSaga);
  const { plan } = order.rules;
  expect(decide({ plan }, order.state, order.success('reserve_stock')).map(({ type }) => type)).toEqual(['step_succeeded']);
  order.append(decide({ plan }, order.state, order.success('reserve_stock')));
  expect(order.inFlight).toEqual([]);
  expect(order.tell({ type: 'nudged' }), 'whoever has the definition goes on').toEqual(['step_issued']);
  const turned = decide({ plan }, order.state, { type: 'cancel_requested', reason: 'r', by: 'ann' });
  expect(turned.map(({ type }) => type)).toEqual(['saga_turned']);
});

test('a journal that does not begin with the start, or has two, is damaged', () => {
  const order = new Transaction(orderSaga);
  const [started, issued] = order.journal;
  expect(() => evolve(undefined, 't-1', issued!)).toThrow('transaction t-1 has step_issued before its start: its journal is damaged');
  expect(() => evolve(order.state, 't-1', started!)).toThrow('transaction t-1 started twice');
});

test('the first event is the start as it was given', () => {
  const { rules } = new Transaction(orderSaga);
  const start = {
    saga: 'order',
    definitionVersion: 1,
    fingerprint: 'f',
    input: null,
    inputHash: 'h',
    tags: { who: 'ann' },
    deadlineAtMs: null,
  };
  expect(begin(rules, 't-2', start)[0]).toEqual({ type: 'saga_started', data: start });
});
