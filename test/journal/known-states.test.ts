import { afterEach, expect, test, vi } from 'vitest';
import { KnownStates, REMEMBERED_MS } from '../../src/journal/known-states.ts';
import type { State } from '../../src/machine/state.ts';
import { Transaction } from '../machine/transaction.ts';
import { orderSaga } from '../support/sagas.ts';

const begun = new Transaction(orderSaga, { input: { sku: 'lamp' } }).state;
afterEach(() => {
  vi.useRealTimers();
});

const named = (state: State, number: number): State => ({ ...state, id: `order-${number}` });

test('the newest state of a transaction is known, from its begin to its end', () => {
  const known = new KnownStates();
  const order = new Transaction(orderSaga);
  known.keep(order.state);
  expect(known.get(order.state.id)).toBe(order.state);
  order.succeed('reserve_stock');
  known.keep(order.state);
  expect(known.get(order.state.id)).toBe(order.state);
  expect(known.get('another')).toBe(undefined);
});

test('an older state never replaces a newer one, nor one that is under way by its begin', () => {
  const known = new KnownStates();
  const paused: State = { ...begun, version: begun.version + 1, paused: { by: 'ann' } };
  known.keep(paused);
  known.keep(begun);
  expect(known.get(begun.id)).toBe(paused);
  const order = new Transaction(orderSaga);
  order.succeed('reserve_stock');
  const underWay: State = { ...order.state, id: begun.id };
  known.keep(underWay);
  known.keep(paused);
  expect(known.get(begun.id)).toBe(underWay);
  const later: State = { ...paused, version: underWay.version + 1 };
  known.keep(later);
  known.keep(underWay);
  expect(known.get(begun.id)).toBe(later);
});

test('of those that are under way fewer are known than of those that have just begun', () => {
  const known = new KnownStates();
  for (let i = 0; i < 10_000; i++) known.keep(named(begun, i));
  expect(known.get('order-0')).toBeDefined();
  const order = new Transaction(orderSaga);
  order.succeed('reserve_stock');
  for (let i = 10_000; i < 12_001; i++) known.keep(named(order.state, i));
  expect(known.get('order-10000')).toBe(undefined);
  expect(known.get('order-10001')).toBeDefined();
  expect(known.get('order-0')).toBeDefined();
});

test('large inputs leave room for few', () => {
  const known = new KnownStates();
  const large: State = { ...begun, input: { lines: ['x'.repeat(500_000), { note: 'y'.repeat(500_000) }] } };
  for (let i = 0; i < 20; i++) known.keep(named(large, i));
  expect(known.get('order-0')).toBe(undefined);
  expect(known.get('order-19')).toBeDefined();
});

test('what was first known some time ago is remembered no longer, and gives way to what another transaction with its id has come to', () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  const known = new KnownStates();
  const order = new Transaction(orderSaga);
  order.succeed('reserve_stock');
  known.keep(begun);
  known.keep({ ...order.state, id: 'under way' });
  vi.advanceTimersByTime(REMEMBERED_MS - 1);
  expect(known.get(begun.id)).toBe(begun);
  // Seen once more, and not known for any longer by that.
  known.keep({ ...begun });
  known.keep({ ...order.state, id: 'under way' });
  vi.advanceTimersByTime(1);
  expect(known.get(begun.id)).toBe(undefined);
  expect(known.get('under way')).toBe(undefined);
  const anew = { ...begun, id: 'under way' };
  known.keep(anew);
  expect(known.get('under way')).toBe(anew);
});

test('what is forgotten is not known', () => {
  const known = new KnownStates();
  const order = new Transaction(orderSaga);
  order.succeed('reserve_stock');
  known.keep(begun);
  known.keep({ ...order.state, id: 'under way' });
  known.forget(begun.id);
  known.forget('under way');
  expect([known.get(begun.id), known.get('under way')]).toEqual([undefined, undefined]);
});
