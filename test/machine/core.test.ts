import { expect, test } from 'vitest';
import * as z from 'zod';
import { saga } from '../../src/flows/saga.ts';
import { orderSaga, plainStep } from '../support/sagas.ts';
import { START_MS, Transaction } from './transaction.ts';

const input = z.unknown();
const from = ({ input }: { readonly input: unknown }): unknown => input;

test('S01 all succeed: completed, each step issued once, the output made of typed results', () => {
  const order = new Transaction(orderSaga, { input: { sku: 'lamp' } });
  expect(order.inFlight).toEqual(['run reserve_stock']);
  expect(order.step('reserve_stock').args).toEqual({ sku: 'lamp' });
  expect(order.succeed('reserve_stock', { reservation: 'r1' })).toEqual(['step_succeeded', 'step_issued']);
  expect(order.step('charge_card').args).toEqual({ for: { reservation: 'r1' } });
  order.succeed('charge_card');
  order.succeed('create_shipment', { parcel: 7 });
  expect(order.state.status).toBe('running');
  expect(order.succeed('send_mail')).toEqual(['step_succeeded', 'saga_completed']);
  expect(order.state).toMatchObject({ status: 'completed', direction: 'forward', output: { shipment: { parcel: 7 } } });
  expect(order.issued).toEqual(['run reserve_stock', 'run charge_card', 'run create_shipment', 'run send_mail']);
});

test('S02 a definite failure at the third step: the second is undone, then the first, once each, and the cause is kept', () => {
  const order = new Transaction(orderSaga);
  order.succeed('reserve_stock');
  order.succeed('charge_card');
  expect(order.refuse('create_shipment', 'no carrier')).toEqual(['step_failed', 'saga_turned', 'compensation_issued']);
  expect(order.inFlight).toEqual(['compensate charge_card']);
  expect(order.undo('charge_card')).toEqual(['compensation_succeeded', 'compensation_issued']);
  expect(order.inFlight).toEqual(['compensate reserve_stock']);
  expect(order.undo('reserve_stock')).toEqual(['compensation_succeeded', 'saga_compensated']);
  expect(order.undone).toEqual(['charge_card', 'reserve_stock']);
  expect(order.state).toMatchObject({
    status: 'compensated',
    turn: { kind: 'step_failed', step: 'create_shipment', error: { message: 'no carrier' } },
    otherFailures: [],
  });
});

test('S03 a definite failure at the first step: nothing is undone, compensated, the cause kept', () => {
  const order = new Transaction(orderSaga);
  expect(order.refuse('reserve_stock', 'sold out')).toEqual(['step_failed', 'saga_turned', 'saga_compensated']);
  expect(order.state).toMatchObject({ status: 'compensated', turn: { step: 'reserve_stock', error: { message: 'sold out' } } });
  expect(order.undone).toEqual([]);
});

test('S05 fails twice, then works: attempts numbered and recorded, delays by the policy with cap and jitter', () => {
  const order = new Transaction(orderSaga);
  expect(order.start('reserve_stock'), 'the start of a first attempt is in what ends it').toEqual([]);
  expect(order.fail('reserve_stock', { random: 0 })).toEqual(['attempt_failed']);
  expect(order.state.status, 'nothing runs meanwhile').toBe('waiting');
  expect(order.start('reserve_stock')).toEqual(['attempt_started']);
  expect(order.state.status).toBe('running');
  order.fail('reserve_stock', { random: 0.999, message: 'again' });
  order.start('reserve_stock');
  order.succeed('reserve_stock');
  expect(order.of('attempt_failed')).toMatchObject([
    { attempt: 1, retryInMs: 100, error: { message: 'reserve_stock broke' } },
    { attempt: 2, retryInMs: 75, error: { message: 'again' } }, // 200, capped at 150, half of it taken off
  ]);
  expect(order.of('step_succeeded')).toMatchObject([{ attempt: 3 }]);
  expect(order.state.status).toBe('running');
});

test('S06 attempts used up with an unknown outcome: the step itself is undone as well', () => {
  const order = new Transaction(orderSaga);
  order.succeed('reserve_stock');
  order.fail('charge_card');
  order.fail('charge_card');
  expect(order.fail('charge_card')).toEqual(['step_failed', 'saga_turned', 'compensation_issued']);
  expect(order.step('charge_card').outcome).toBe('unknown');
  order.undo('charge_card');
  order.undo('reserve_stock');
  expect(order.undone).toEqual(['charge_card', 'reserve_stock']);
});

test('S06 a definite answer to the last attempt does not settle an earlier one that said nothing', () => {
  const order = new Transaction(orderSaga);
  order.fail('reserve_stock');
  order.refuse('reserve_stock');
  expect(order.step('reserve_stock').outcome).toBe('unknown');
  expect(order.inFlight).toEqual(['compensate reserve_stock']);
});

test('S06 a worker lost in the middle of an attempt leaves the outcome unknown as well', () => {
  const order = new Transaction(orderSaga);
  expect(order.lose('reserve_stock')).toEqual(['attempt_lost']);
  order.refuse('reserve_stock');
  expect(order.inFlight).toEqual(['compensate reserve_stock']);
});

test('S07 not retryable: one attempt', () => {
  const order = new Transaction(orderSaga);
  expect(order.fail('reserve_stock', { retryable: false })).toEqual(['step_failed', 'saga_turned', 'compensation_issued']);
  expect(order.of('attempt_failed')).toEqual([]);
});

test('S07 a refusal that another attempt may turn round is retried, and leaves no doubt', () => {
  const order = new Transaction(orderSaga);
  for (let attempt = 1; attempt < 3; attempt++) {
    expect(order.fail('reserve_stock', { outcome: 'definite' })).toEqual(['attempt_failed']);
  }
  expect(order.fail('reserve_stock', { outcome: 'definite' })).toEqual(['step_failed', 'saga_turned', 'saga_compensated']);
});

test('S08 a step times out for good and its effect lands later: it is undone, the late answer recorded and never used', () => {
  const order = new Transaction(orderSaga);
  order.fail('reserve_stock', { retryable: false });
  expect(order.succeed('reserve_stock', { reservation: 'late' })).toEqual(['late_result']);
  expect(order.step('reserve_stock').result).toBeUndefined();
  order.undo('reserve_stock');
  expect(order.state.status).toBe('compensated');
  expect(order.tell(order.success('reserve_stock')), 'even after the end').toEqual(['late_result']);
  expect(order.state.status).toBe('compensated');
});

test('S10 verify finds that it happened: forward with its result, no second effect', () => {
  const order = new Transaction(orderSaga);
  order.fail('reserve_stock');
  order.tell({ ...order.success('reserve_stock', { found: true }), verified: true });
  expect(order.of('step_succeeded')).toMatchObject([{ verified: true, result: { found: true } }]);
  expect(order.inFlight).toEqual(['run charge_card']);
});

test('S13 an undo fails twice, then works: it backs off, and the earlier undo does not start before it', () => {
  const order = new Transaction(orderSaga);
  order.succeed('reserve_stock');
  order.succeed('charge_card');
  order.refuse('create_shipment');
  expect(order.failUndo('charge_card')).toEqual(['attempt_failed']);
  expect(order.start('charge_card', 'compensate')).toEqual(['attempt_started']);
  order.failUndo('charge_card');
  expect(order.of('attempt_failed').map(({ retryInMs }) => retryInMs)).toEqual([100, 150]);
  expect(order.inFlight).toEqual(['compensate charge_card']);
  order.undo('charge_card');
  expect(order.inFlight).toEqual(['compensate reserve_stock']);
});

test('S14 an undo that always fails: stuck, told once, and the undos before it wait', () => {
  const order = stuckOrder();
  expect(order.state.status).toBe('stuck');
  expect(order.of('compensation_stuck')).toMatchObject([{ step: 'charge_card', attempt: 3 }]);
  expect(order.inFlight).toEqual([]);
  expect(order.tell({ type: 'nudged' })).toEqual([]);
  expect(order.failUndo('charge_card'), 'told once').toEqual([]);
});

test('S14 an undo that says that trying again is useless is stuck at once', () => {
  const order = new Transaction(orderSaga);
  order.succeed('reserve_stock');
  order.refuse('charge_card');
  expect(order.failUndo('reserve_stock', { retryable: false })).toEqual(['compensation_stuck']);
});

test('S15 then an operator retries: it goes on with all its attempts, ends compensated, and the history says who asked', () => {
  const order = stuckOrder();
  expect(order.retry('the bank is back')).toEqual(['retry_requested']);
  expect(order.state.status).toBe('compensating');
  expect(order.retry(), 'nothing is stuck any more').toEqual([]);
  order.failUndo('charge_card');
  order.undo('charge_card');
  order.undo('reserve_stock');
  expect(order.state.status).toBe('compensated');
  expect(order.of('retry_requested')).toEqual([{ step: 'charge_card', op: 'compensate', by: 'ann', reason: 'the bank is back' }]);
  expect(order.of('attempt_failed').at(-1), 'attempts are numbered on').toMatchObject({ attempt: 4 });
});

test('S15 an undo that answers after it was given up for stuck is done all the same', () => {
  const order = stuckOrder();
  expect(order.undo('charge_card')).toEqual(['compensation_succeeded', 'compensation_issued']);
});

test('S18 a readOnly step is left out of the unwind', () => {
  const order = new Transaction(
    saga({ name: 's', version: 1, input })
      .step(plainStep('reserve'), from)
      .step(plainStep('look'), from, { readOnly: true })
      .step(plainStep('charge'), from),
  );
  order.succeed('reserve');
  order.succeed('look');
  order.refuse('charge');
  order.undo('reserve');
  expect(order.state.status).toBe('compensated');
  expect(order.undone).toEqual(['reserve']);
});

test('S18 neither is one whose outcome is unknown', () => {
  const order = new Transaction(saga({ name: 's', version: 1, input }).step(plainStep('look'), from, { readOnly: true }));
  expect(order.fail('look', { retryable: false })).toEqual(['step_failed', 'saga_turned', 'saga_compensated']);
});

test('S20 a branch that was not taken is never undone, and later steps see no result of it', () => {
  const seen: unknown[] = [];
  const order = new Transaction(
    saga({ name: 's', version: 1, input })
      .step(plainStep('wrap'), from, { when: () => false })
      .step(plainStep('charge'), ({ results }) => seen.push({ ...results })),
  );
  expect(order.step('wrap').status).toBe('skipped');
  expect(seen).toEqual([{}]);
  order.fail('charge', { retryable: false });
  order.undo('charge');
  expect(order.undone).toEqual(['charge']);
  expect(order.state.status).toBe('compensated');
});

test('S20 a saga whose steps are all skipped completes at its start', () => {
  const order = new Transaction(saga({ name: 's', version: 1, input }).step(plainStep('wrap'), from, { when: () => false }));
  expect(order.journal.map(({ type }) => type)).toEqual(['saga_started', 'step_skipped', 'saga_completed']);
});

test('S22 an unknown outcome is undone with the input and without a result', () => {
  const order = new Transaction(orderSaga, { input: { sku: 'lamp' } });
  order.fail('reserve_stock', { retryable: false });
  expect(order.step('reserve_stock')).toMatchObject({ status: 'compensating', args: { sku: 'lamp' } });
  expect(order.step('reserve_stock').result).toBeUndefined();
});

test('S23 the undo finds the persisted result', () => {
  const order = new Transaction(orderSaga);
  order.succeed('reserve_stock', { reservation: 'r1' });
  order.refuse('charge_card');
  expect(order.step('reserve_stock')).toMatchObject({ status: 'compensating', result: { reservation: 'r1' } });
});

test('S24 a mapper that throws before the pivot is a definite failure of its step', () => {
  const order = new Transaction(
    saga({ name: 's', version: 1, input })
      .step(plainStep('reserve'), from)
      .parallel((all) =>
        all.step(plainStep('good'), from).step(plainStep('bad'), () => {
          throw new TypeError('customer is undefined');
        }),
      ),
  );
  expect(order.succeed('reserve')).toEqual(['step_succeeded', 'step_failed', 'saga_turned', 'compensation_issued']);
  expect(order.issued, 'its sibling was not begun').toEqual(['run reserve', 'compensate reserve']);
  expect(order.state.turn).toMatchObject({ step: 'bad', error: { name: 'TypeError', message: 'customer is undefined' } });
});

test.each([
  ['a Date', (): unknown => ({ at: new Date() }), 'the input of step "reserve".at is a Date'],
  ['a promise', (): unknown => Promise.resolve({}), 'the input of step "reserve" is a Promise'],
  ['a BigInt', (): unknown => ({ cents: 5n }), 'the input of step "reserve".cents is a BigInt'],
])('S24 a mapper that gives %s fails its step with a clear error', (_what, mapper, message) => {
  const order = new Transaction(saga({ name: 's', version: 1, input }).step(plainStep('reserve'), mapper));
  expect(order.state.status).toBe('compensated');
  expect(order.step('reserve').error?.message).toContain(message);
});

test('S24 a mapper that throws after the pivot makes its step stuck; mended and retried, it goes on', () => {
  let broken = true;
  const order = new Transaction(
    saga({ name: 's', version: 1, input })
      .step(plainStep('charge'), from, { pivot: true })
      .parallel((all) =>
        all
          .step(
            plainStep('mail'),
            () => {
              if (broken) throw new TypeError('no address');
              return { to: 'ann' };
            },
            { retriable: true },
          )
          .step(plainStep('log'), from, { retriable: true }),
      ),
  );
  expect(order.succeed('charge')).toEqual(['step_succeeded', 'step_stuck', 'step_issued']);
  expect(order.state.status).toBe('stuck');
  order.succeed('log');
  expect(order.retry(), 'still broken').toEqual(['retry_requested', 'step_stuck']);
  expect(order.tell(order.success('log')), 'nothing else is touched').toEqual([]);
  broken = false;
  expect(order.retry()).toEqual(['retry_requested', 'step_issued']);
  expect(order.step('mail').args).toEqual({ to: 'ann' });
  expect(order.succeed('mail')).toEqual(['step_succeeded', 'saga_completed']);
});

test('S24 an answer about a step that was never issued is no answer', () => {
  const order = new Transaction(
    saga({ name: 's', version: 1, input })
      .step(plainStep('charge'), from, { pivot: true })
      .step(
        plainStep('mail'),
        () => {
          throw new TypeError('no address');
        },
        { retriable: true },
      ),
  );
  order.succeed('charge');
  expect(order.tell(order.success('mail'))).toEqual([]);
  expect(order.state.status).toBe('stuck');
});

test('S24 a fault in the mapper of the output ends the saga as completed, with that error', () => {
  const order = new Transaction(
    saga({ name: 's', version: 1, input })
      .step(plainStep('reserve'), from)
      .returns(() => {
        throw new TypeError('oops');
      }),
  );
  order.succeed('reserve');
  expect(order.state).toMatchObject({ status: 'completed', output: null, outputError: { name: 'TypeError', message: 'oops' } });
});

test('a mapper may spread what it is given', () => {
  const order = new Transaction(
    saga({ name: 's', version: 1, input: z.object({ list: z.array(z.number()) }) })
      .step(plainStep('reserve'), () => ({}))
      .step(plainStep('charge'), (values) => ({ ...values })),
    { input: { list: [3, 2, 1] } },
  );
  order.succeed('reserve', { ref: 'r' });
  expect(order.step('charge').args).toEqual({ input: { list: [3, 2, 1] }, results: { reserve: { ref: 'r' } } });
});

test('S24 a mapper that changes its input in place changes a copy', () => {
  const order = new Transaction(
    saga({ name: 's', version: 1, input: z.object({ list: z.array(z.number()) }) })
      .step(plainStep('turn'), ({ input }) => input.list.reverse())
      .step(plainStep('again'), ({ input, results }) => {
        (results.turn as { seen: number[] }).seen.push(1);
        return input.list;
      }),
    { input: { list: [3, 2, 1] } },
  );
  order.succeed('turn', { seen: [] });
  expect(order.step('turn').args).toEqual([1, 2, 3]);
  expect(order.step('again').args).toEqual([3, 2, 1]);
  expect(order.state.input).toEqual({ list: [3, 2, 1] });
  expect(order.step('turn').result).toEqual({ seen: [] });
});

test('a step the plan does not have is a forged job', () => {
  const order = new Transaction(orderSaga);
  expect(() => order.tell({ type: 'withdrawn', step: 'steal_money' })).toThrow('saga "order" version 1 has no step "steal_money"');
  expect(() => order.tell({ type: 'withdrawn', step: '__proto__' })).toThrow('has no step "__proto__"');
  expect(order.tell({ type: 'withdrawn', step: 'send_mail' }), 'one that was not reached').toEqual([]);
});

test('S102 an attempt that was taken for lost speaks up while a later one may be running: refused, recorded, and the later one settles it', () => {
  const order = new Transaction(orderSaga);
  order.lose('reserve_stock'); // its worker's event loop was blocked
  order.start('reserve_stock');
  expect(order.tell(order.success('reserve_stock', { from: 'the first' }, 1))).toEqual(['late_result']);
  expect(order.tell(order.failure('reserve_stock', 'run', { attempt: 1, outcome: 'definite', retryable: false }))).toEqual([]);
  expect(order.inFlight).toEqual(['run reserve_stock']);
  order.tell(order.success('reserve_stock', { from: 'the second' }, 2));
  expect(order.step('reserve_stock').result).toEqual({ from: 'the second' });
});

test('S107 a failure told twice is one failed attempt', () => {
  const order = new Transaction(orderSaga);
  const failure = order.failure('reserve_stock', 'run', { nowMs: START_MS });
  expect(order.tell(failure)).toEqual(['attempt_failed']);
  expect(order.tell(failure)).toEqual([]);
  expect(order.step('reserve_stock').attempts).toBe(1);
});

test('a timed-out attempt that succeeds between two attempts is taken at its word', () => {
  const order = new Transaction(orderSaga);
  order.fail('reserve_stock');
  expect(order.tell(order.success('reserve_stock', { from: 'the first' }, 1))).toEqual(['step_succeeded', 'step_issued']);
});

function stuckOrder(): Transaction {
  const order = new Transaction(orderSaga);
  order.succeed('reserve_stock');
  order.succeed('charge_card');
  order.refuse('create_shipment');
  for (let attempt = 1; attempt <= 3; attempt++) order.failUndo('charge_card');
  return order;
}
