import { expect, test } from 'vitest';
import { decide } from '../../src/machine/decide.ts';
import { parallelSaga } from '../support/sagas.ts';
import { Transaction } from './transaction.ts';

/** `first` is done; `left`, `middle` and `right` are in flight. */
function branches(): Transaction {
  const transaction = new Transaction(parallelSaga);
  transaction.succeed('first');
  return transaction;
}

test('S40 A fails while B is in flight: B is awaited and then undone, the undos never overlap it', () => {
  const run = branches();
  run.succeed('middle');
  expect(run.refuse('left')).toEqual(['step_failed', 'saga_turned']);
  expect(run.state.status).toBe('compensating');
  expect(run.inFlight, 'no undo while a sibling runs').toEqual(['run right']);
  expect(run.succeed('right')).toEqual(['step_succeeded', 'compensation_issued']);
  for (const step of ['right', 'middle', 'first']) {
    expect(run.inFlight).toEqual([`compensate ${step}`]);
    run.undo(step);
  }
  expect(run.undone).toEqual(['right', 'middle', 'first']);
  expect(run.state.status).toBe('compensated');
});

test('S40 B is told to stop and fails: no further attempt, and undone if its outcome is unknown', () => {
  const run = branches();
  run.refuse('left');
  run.fail('middle', { message: 'aborted' });
  expect(run.step('middle')).toMatchObject({ status: 'failed', outcome: 'unknown' });
  run.fail('right', { outcome: 'definite' });
  expect(run.inFlight).toEqual(['compensate middle']);
  run.undo('middle');
  run.undo('first');
  expect(run.undone).toEqual(['middle', 'first']);
});

test('S41 A fails and B has not begun: B is withdrawn, never runs and is never undone', () => {
  const run = branches();
  run.refuse('left');
  expect(run.withdraw('middle')).toEqual(['step_withdrawn']);
  expect(run.withdraw('right')).toEqual(['step_withdrawn', 'compensation_issued']);
  run.undo('first');
  expect(run.undone).toEqual(['first']);
  expect(run.state.status).toBe('compensated');
});

test('S41 B waits for its second attempt: withdrawn, and undone as the first may have had an effect', () => {
  const run = branches();
  run.fail('middle');
  run.succeed('right');
  run.refuse('left');
  expect(run.withdraw('middle')).toEqual(['step_failed', 'compensation_issued']);
  expect(run.inFlight).toEqual(['compensate middle']);
});

test('S41 nothing is withdrawn from a saga that goes forward', () => {
  const run = branches();
  expect(run.withdraw('middle')).toEqual([]);
});

test('S42 both fail: one unwind, both causes', () => {
  const run = branches();
  run.refuse('left', 'no stock');
  run.succeed('middle');
  run.refuse('right', 'no credit');
  expect(run.of('saga_turned')).toHaveLength(1);
  expect(run.state.turn).toMatchObject({ step: 'left', error: { message: 'no stock' } });
  expect(run.state.otherFailures).toMatchObject([{ step: 'right', error: { message: 'no credit' } }]);
  expect(run.inFlight).toEqual(['compensate middle']);
});

test('S43 B succeeds after the unwind began: undone', () => {
  const run = branches();
  run.refuse('left');
  run.succeed('right');
  expect(run.inFlight).toEqual(['run middle']);
  run.succeed('middle');
  run.undo('middle');
  run.undo('right');
  expect(run.inFlight).toEqual(['compensate first']);
});

test('S44 the order of undo is the reverse of settlement, and so reverse topological', () => {
  const run = branches();
  for (const step of ['right', 'left', 'middle']) run.succeed(step);
  for (const step of ['down', 'up']) run.succeed(step);
  run.refuse('last');
  const expected = ['up', 'down', 'middle', 'left', 'right', 'first'];
  for (const step of expected) run.undo(step);
  expect(run.undone).toEqual(expected);
  expect(run.state.status).toBe('compensated');
});

test('S51 the last two branches finish at the same instant: exactly one of the writers continues', () => {
  const run = branches();
  run.succeed('middle');
  const seen = run.state;
  const left = run.success('left');
  const right = run.success('right');
  const byLeft = decide(run.rules, seen, left);
  const byRight = decide(run.rules, seen, right);
  expect(byLeft.map(({ type }) => type)).toEqual(['step_succeeded']);
  expect(
    byRight.map(({ type }) => type),
    'neither believes it is the last',
  ).toEqual(['step_succeeded']);

  run.append(byLeft); // wins; the journal refuses the other, who decides again on what it now sees
  const again = decide(run.rules, run.state, right);
  expect(again.map(({ type }) => type)).toEqual(['step_succeeded', 'step_issued', 'step_issued']);
  run.append(again);
  expect(run.inFlight).toEqual(['run up', 'run down']);
  expect(run.tell(left), 'nor does a redelivery continue a second time').toEqual([]);
  expect(run.tell({ type: 'nudged' })).toEqual([]);
  expect(run.issued.filter((operation) => operation === 'run up')).toHaveLength(1);
});

test('S51 one succeeds and one fails at the same instant: one winner, and the same end either way', () => {
  for (const first of ['success', 'failure'] as const) {
    const run = branches();
    run.succeed('middle');
    const success = run.success('left');
    const failure = run.failure('right', 'run', { outcome: 'definite', retryable: false });
    for (const fact of first === 'success' ? [success, failure] : [failure, success]) run.tell(fact);
    for (const step of ['left', 'middle', 'first']) run.undo(step);
    expect(run.undone).toEqual(['left', 'middle', 'first']);
    expect(run.state.status).toBe('compensated');
  }
});
