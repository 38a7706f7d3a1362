import { expect, test } from 'vitest';
import { viewOf } from '../../src/machine/view.ts';
import { checkout, parallelCheckout } from '../support/tccs.ts';
import { START_MS, Transaction } from './transaction.ts';

function held(): Transaction {
  const order = new Transaction(checkout);
  order.succeed('stock', { lot: 1 });
  order.succeed('credit', { account: 2 });
  return order;
}

test('T01 all tries ok: one verdict, stored with the last hold, then every confirm at once, each once', () => {
  const order = new Transaction(checkout);
  expect(order.issued).toEqual(['run stock']);
  order.succeed('stock');
  expect(order.succeed('credit')).toEqual(['step_succeeded', 'verdict_reached', 'confirm_issued', 'confirm_issued']);
  expect(order.state.status).toBe('confirming');
  expect(order.inFlight).toEqual(['confirm stock', 'confirm credit']);
  order.confirm('credit');
  expect(order.confirm('stock')).toEqual(['confirm_succeeded', 'tcc_confirmed']);
  expect(order.confirm('stock')).toEqual([]);
  expect(order.state).toMatchObject({ status: 'confirmed', output: { stock: { of: 'stock' } } });
  expect(order.undone).toEqual([]);
});

test('reservations of a group are asked for at once, and the verdict waits for all', () => {
  const order = new Transaction(parallelCheckout);
  expect(order.inFlight).toEqual(['run stock', 'run seat']);
  order.succeed('seat');
  expect(order.state.verdict).toBeUndefined();
  order.succeed('stock');
  expect(order.inFlight).toEqual(['run credit']);
});

test.each(['definite', 'unknown'] as const)('T02 the second try fails (%s): all cancelled, the failed one too, no confirm', (outcome) => {
  const order = new Transaction(checkout);
  order.succeed('stock');
  const types = order.fail('credit', { outcome, retryable: false });
  expect(types).toEqual(['step_failed', 'saga_turned', 'compensation_issued', 'compensation_issued']);
  expect(order.state.status).toBe('cancelling');
  expect(order.inFlight).toEqual(['compensate stock', 'compensate credit']);
  order.undo('credit');
  expect(order.undo('stock')).toEqual(['compensation_succeeded', 'tcc_cancelled']);
  expect(order.of('confirm_issued')).toEqual([]);
});

test('T02 what was never asked for is not cancelled', () => {
  const order = new Transaction(checkout);
  order.refuse('stock');
  expect(order.inFlight).toEqual(['compensate stock']);
  order.undo('stock');
  expect(order.state.status).toBe('cancelled');
});

test('T03 a try of a group answers after the turn: its hold is cancelled, and cancels of the others have not waited for it', () => {
  const order = new Transaction(parallelCheckout);
  order.refuse('stock');
  expect(order.inFlight).toEqual(['compensate stock', 'run seat']);
  expect(order.succeed('seat')).toEqual(['step_succeeded', 'compensation_issued']);
  order.undo('seat');
  order.undo('stock');
  expect(order.state.status).toBe('cancelled');
});

test('a reservation whose try was taken back before it ran is cancelled like the others: its job may still be somewhere', () => {
  const order = new Transaction(parallelCheckout);
  order.cancel();
  order.withdraw('stock');
  order.withdraw('seat');
  expect(order.inFlight).toEqual(['compensate stock', 'compensate seat']);
});

test('T04 T05 a confirm that fails is tried again, then stuck, never cancelled, and goes on when an operator says so', () => {
  const order = held();
  order.confirm('stock');
  order.failConfirm('credit', { outcome: 'definite' });
  order.failConfirm('credit');
  expect(order.state.status).toBe('confirming');
  expect(order.failConfirm('credit')).toEqual(['confirm_stuck']);
  expect(order.state.status).toBe('stuck');
  expect(() => order.cancel()).toThrow('has its verdict and will be confirmed');
  expect(order.retry('the bank is back')).toEqual(['retry_requested']);
  expect(order.of('retry_requested')).toMatchObject([{ step: 'credit', op: 'confirm' }]);
  order.confirm('credit');
  expect(order.state.status).toBe('confirmed');
  expect(order.undone).toEqual([]);
});

test('it is stuck when nothing else is under way: before that the others go on', () => {
  const order = held();
  order.failConfirm('credit', { retryable: false });
  expect(order.state.status).toBe('confirming');
  order.confirm('stock');
  expect(order.state.status).toBe('stuck');
});

test.each([true, undefined])(
  'T06 a try that was lost before the verdict (job lost: %s): presumed cancelled, whatever it did',
  (jobLost) => {
    const order = new Transaction(checkout);
    order.succeed('stock');
    const types = order.tell({ type: 'attempt_lost', step: 'credit', op: 'run', ...(jobLost === true ? { jobLost } : {}) });
    expect(types).toEqual(['attempt_lost', 'step_failed', 'saga_turned', 'compensation_issued', 'compensation_issued']);
  },
);

test('T07 what is lost after the verdict is confirmed all the same', () => {
  const order = held();
  expect(order.lose('stock', 'confirm')).toEqual(['attempt_lost']);
  expect(order.inFlight).toEqual(['confirm stock', 'confirm credit']);
  expect(order.tell({ type: 'attempt_lost', step: 'stock', op: 'confirm', limit: 2 })).toEqual(['attempt_lost', 'confirm_stuck']);
});

test('T09 a cancel that fails is tried again, then stuck, and can be given up: it ends as terminated with what is left', () => {
  const order = new Transaction(checkout);
  order.succeed('stock');
  order.refuse('credit');
  order.undo('credit');
  for (let attempt = 1; attempt <= 3; attempt++) order.failUndo('stock');
  expect(order.state.status).toBe('stuck');
  order.retry();
  for (let attempt = 1; attempt <= 3; attempt++) order.failUndo('stock');
  order.tell({ type: 'skip_requested', step: 'stock', by: 'ann', reason: 'given back by hand' });
  expect(order.state).toMatchObject({ status: 'terminated', termination: { notCompensated: ['stock'] } });
});

test('of several that are stuck one is tried again, and the others are taken for undone by hand, all at once', () => {
  const order = new Transaction(parallelCheckout);
  order.cancel();
  for (const step of ['stock', 'seat']) order.withdraw(step);
  for (const step of ['stock', 'seat']) order.failUndo(step, { retryable: false });
  expect(order.state.status).toBe('stuck');
  expect(order.tell({ type: 'retry_requested', step: 'seat', by: 'ann' })).toEqual(['retry_requested']);
  expect(order.of('retry_requested')).toEqual([{ step: 'seat', op: 'compensate', by: 'ann' }]);
  expect(order.inFlight).toEqual(['compensate seat']);
  expect(order.tell({ type: 'retry_requested', step: 'seat', by: 'ann' }), 'it is under way').toEqual([]);
  order.failUndo('seat', { retryable: false });
  const byHand = { by: 'ann', reason: 'given back by phone' };
  expect(order.tell({ type: 'undone_by_hand', ...byHand })).toEqual(['compensation_succeeded', 'compensation_succeeded', 'tcc_cancelled']);
  expect(order.of('compensation_succeeded')).toMatchObject([
    { step: 'stock', byHand },
    { step: 'seat', byHand },
  ]);
});

test('without a step all that are stuck are given up; when none is, it is refused', () => {
  const order = held();
  expect(() => order.tell({ type: 'skip_requested', by: 'ann', reason: 'x' })).toThrow('t-1 has no undo that is stuck');
  for (const step of ['stock', 'credit']) order.failConfirm(step, { retryable: false });
  expect(() => order.tell({ type: 'undone_by_hand', by: 'ann', reason: 'x' }), 'a confirm is no undo').toThrow('no undo that is stuck');
  expect(order.tell({ type: 'skip_requested', by: 'ann', reason: 'paid by hand' })).toEqual([
    'confirm_skipped',
    'confirm_skipped',
    'saga_terminated',
  ]);
});

test('T10 a try that answers after the verdict changes nothing', () => {
  const order = new Transaction(checkout);
  order.cancel();
  order.withdraw('stock');
  expect(order.succeed('stock')).toEqual(['late_result']);
  order.undo('stock');
  expect(order.state.status).toBe('cancelled');
  const confirmed = held();
  expect(confirmed.succeed('stock', { lot: 9 })).toEqual(['late_result']);
});

test('T11 deadline and last hold at the same moment: whoever is first decides, and the other changes nothing', () => {
  const first = new Transaction(checkout, { deadlineAtMs: START_MS + 100 });
  first.succeed('stock');
  first.succeed('credit');
  expect(first.deadline(START_MS + 100)).toEqual([]);
  expect(first.state.verdict).toBe('confirm');

  const second = new Transaction(checkout, { deadlineAtMs: START_MS + 100 });
  second.succeed('stock');
  second.deadline(START_MS + 100);
  second.succeed('credit');
  expect(second.of('verdict_reached')).toEqual([]);
  expect(second.inFlight).toEqual(['compensate stock', 'compensate credit']);
});

test('T11 all is held too late: the deadline decides, also when nobody told of it', () => {
  const order = new Transaction(checkout, { deadlineAtMs: START_MS + 100 });
  order.succeed('stock');
  order.at(START_MS + 100).succeed('credit');
  expect(order.state).toMatchObject({ direction: 'backward', turn: { kind: 'deadline' } });
});

test('T12 a hold that ran out before its confirm: the outcome is mixed and an operator ends it, never as confirmed', () => {
  const order = held();
  order.confirm('stock');
  expect(order.failConfirm('credit', { retryable: false, message: 'given away' })).toEqual(['confirm_stuck']);
  expect(order.state.status).toBe('stuck');
  expect(viewOf(checkout.plan, order.state)).toMatchObject({ verdict: 'confirm', notCompensated: ['credit'] });
  order.tell({ type: 'skip_requested', step: 'credit', by: 'ann', reason: 'paid by hand' });
  expect(order.state).toMatchObject({ status: 'terminated', termination: { notCompensated: ['credit'] } });
});

test('T13 no verdict to confirm when a hold is about to run out: by a clock that went on while it was paused', () => {
  const order = new Transaction(checkout);
  order.succeed('stock');
  order.at(START_MS + 59_001).succeed('credit');
  expect(order.of('verdict_reached')).toEqual([]);
  expect(order.state.turn).toMatchObject({ kind: 'step_failed', step: 'stock', error: { name: 'HoldExpired' } });
  const inTime = new Transaction(checkout);
  inTime.succeed('stock');
  inTime.at(START_MS + 59_000).succeed('credit');
  expect(inTime.state.verdict).toBe('confirm');
});

test('T16 a confirm that nobody asked for changes nothing', () => {
  const order = new Transaction(checkout);
  expect(order.tell({ type: 'confirmed', step: 'credit', attempt: 1, worker: 'w', startedAtMs: 0 })).toEqual([]);
  expect(order.confirm('stock')).toEqual([]);
});

test('the expiry of a hold counts from when its try was asked for, the same on every attempt', () => {
  const order = new Transaction(checkout);
  order.fail('stock');
  order.at(START_MS + 5_000).start('stock');
  expect(order.step('stock').hold).toEqual({ expiresAtMs: START_MS + 60_000 });
});

test('a mapper that throws cancels what is held, and not what was never asked for', () => {
  const order = new Transaction(checkout);
  const { bindings } = checkout;
  order.rules = {
    ...order.rules,
    bindings: {
      ...bindings,
      bind() {
        throw new TypeError('broken');
      },
    },
  };
  expect(order.succeed('stock')).toEqual(['step_succeeded', 'saga_turned', 'compensation_issued']);
  order.undo('stock');
  expect(order.state.status).toBe('cancelled');
});

test('a TCC that awaits its verdict: held, then told; told again it changes nothing; told to cancel it cancels', () => {
  const order = new Transaction(checkout, { awaitsVerdict: true });
  expect(() => order.tell({ type: 'confirm_requested' })).toThrow('does not hold everything yet');
  order.succeed('stock');
  order.succeed('credit');
  expect(order.state).toMatchObject({ status: 'waiting' });
  expect(order.tell({ type: 'confirm_requested' })).toEqual(['verdict_reached', 'confirm_issued', 'confirm_issued']);
  expect(order.tell({ type: 'confirm_requested' })).toEqual([]);
  expect(() => order.cancel()).toThrow('has its verdict');

  const given = new Transaction(checkout, { awaitsVerdict: true, deadlineAtMs: START_MS + 100 });
  given.succeed('stock');
  given.succeed('credit');
  given.deadline(START_MS + 100);
  expect(given.inFlight).toEqual(['compensate stock', 'compensate credit']);
  expect(() => given.tell({ type: 'confirm_requested' })).toThrow('a verdict does not change');
  expect(() => new Transaction(checkout).tell({ type: 'confirm_requested' })).toThrow('decides by itself');
});

test('its words: trying, held, confirming, confirmed', () => {
  const order = new Transaction(checkout);
  const statuses = (): readonly string[] => viewOf(checkout.plan, order.state).steps.map(({ status }) => status);
  expect(statuses()).toEqual(['trying', 'pending']);
  order.succeed('stock');
  expect(statuses()).toEqual(['held', 'trying']);
  order.succeed('credit');
  expect(statuses()).toEqual(['confirming', 'confirming']);
  order.confirm('stock');
  expect(statuses()).toEqual(['confirmed', 'confirming']);
});
