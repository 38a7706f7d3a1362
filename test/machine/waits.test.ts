import { expect, test } from 'vitest';
import * as z from 'zod';
import { saga } from '../../src/flows/saga.ts';
import { signal } from '../../src/flows/signal.ts';
import { plainStep } from '../support/sagas.ts';
import { START_MS, Transaction } from './transaction.ts';

const input = z.unknown();
const from = ({ input }: { readonly input: unknown }): unknown => input;
const empty = saga({ name: 'order', version: 1, input });
const approval = signal({ name: 'approval', data: z.unknown() });
const order = empty
  .step(plainStep('reserve'), from)
  .waitFor(approval, { timeoutMs: 500 })
  .step(plainStep('charge'), ({ results }) => results);

function atTheWait(definition = order, deadlineAtMs: number | null = null): Transaction {
  const transaction = new Transaction(definition, { deadlineAtMs });
  transaction.succeed('reserve');
  return transaction;
}

const send = (transaction: Transaction, data: unknown = { by: 'ann' }) =>
  transaction.tell({ type: 'signal_sent', signal: 'approval', data: data as never, by: 'api' });

test('a saga waits, and goes on with what came with the signal', () => {
  const transaction = atTheWait();
  expect(transaction.state.status).toBe('waiting');
  expect(transaction.step('approval').wait).toEqual({ untilMs: START_MS + 500 });
  expect(send(transaction)).toEqual(['signal_received', 'wait_ended', 'step_issued']);
  expect(transaction.step('charge').args).toMatchObject({ approval: { by: 'ann' } });
});

test('S67 signal and timeout race: the first one wins, whichever it is', () => {
  const first = atTheWait();
  send(first);
  expect(first.tell({ type: 'wait_due', step: 'approval', nowMs: START_MS + 500 })).toEqual([]);
  const late = atTheWait();
  expect(late.tell({ type: 'wait_due', step: 'approval', nowMs: START_MS + 499 })).toEqual([]);
  expect(late.tell({ type: 'wait_due', step: 'approval', nowMs: START_MS + 500 })).toEqual([
    'step_failed',
    'saga_turned',
    'compensation_issued',
  ]);
  expect(late.of('saga_turned')[0]?.turn).toMatchObject({ kind: 'step_failed', error: { name: 'SignalTimeout' } });
  expect(() => send(late)).toThrow('is being undone and waits for no signal any more');
});

test('S76 an early signal is kept until it is waited for', () => {
  const transaction = new Transaction(order);
  expect(send(transaction)).toEqual(['signal_received']);
  expect(transaction.succeed('reserve')).toEqual(['step_succeeded', 'step_issued', 'wait_ended', 'step_issued']);
});

test('S77 the same signal twice: once; with other data: refused', () => {
  const transaction = atTheWait();
  send(transaction);
  expect(send(transaction)).toEqual([]);
  expect(() => send(transaction, { by: 'bob' })).toThrow('has had signal "approval" with other data');
});

test('a signal that is not waited for anywhere is refused, and the message says which are', () => {
  expect(() => atTheWait().tell({ type: 'signal_sent', signal: 'reserve', data: 1, by: 'api' })).toThrow(
    'saga "order" version 1 has no signal "reserve": it waits for "approval"',
  );
  const none = new Transaction(empty.step(plainStep('reserve'), from));
  expect(() => send(none)).toThrow('it waits for none');
});

test('without the definition a signal is recorded, and whoever has it goes on', () => {
  const transaction = atTheWait();
  const { plan } = transaction.rules;
  const blind = new Transaction(order);
  blind.append(transaction.journal.slice(blind.journal.length));
  Object.assign(blind, { rules: { plan } });
  expect(send(blind)).toEqual(['signal_received']);
  Object.assign(blind, { rules: transaction.rules });
  expect(blind.tell({ type: 'wait_due', step: 'approval', nowMs: START_MS + 900 })).toEqual(['wait_ended', 'step_issued']);
});

test('S61 S71 a deadline or a cancel takes a wait back at once', () => {
  const cancelled = atTheWait();
  expect(cancelled.cancel()).toEqual(['saga_turned', 'step_withdrawn', 'compensation_issued']);
  const overdue = atTheWait(order, START_MS + 100);
  expect(overdue.deadline(START_MS + 100)).toEqual(['saga_turned', 'step_withdrawn', 'compensation_issued']);
});

test('S75 a pause holds a wait: time that is up and signals that come count from the resume on', () => {
  const transaction = atTheWait();
  transaction.tell({ type: 'pause_requested', by: 'ann' });
  expect(transaction.tell({ type: 'wait_due', step: 'approval', nowMs: START_MS + 900 })).toEqual([]);
  expect(send(transaction)).toEqual(['signal_received']);
  expect(transaction.tell({ type: 'resume_requested', by: 'ann' })).toEqual(['saga_resumed', 'wait_ended', 'step_issued']);
});

test('a wait that may end without its signal leaves no result', () => {
  const optional = empty
    .waitFor(approval, { timeoutMs: 500, onTimeout: 'continue' })
    .step(plainStep('charge'), ({ results }) => ({ approved: results.approval !== undefined }));
  const transaction = new Transaction(optional);
  expect(transaction.tell({ type: 'wait_due', step: 'approval', nowMs: START_MS + 500 })).toEqual(['wait_ended', 'step_issued']);
  expect(transaction.step('charge').args).toEqual({ approved: false });
  expect(() => send(transaction)).toThrow('no longer waits for signal "approval"');
});

test('a sleep lasts so long, or until a moment, and has no result', () => {
  const sleeping = empty
    .sleep('nap', 100)
    .sleep('until', () => new Date(START_MS + 5_000))
    .step(plainStep('charge'), ({ results }) => Object.keys(results));
  const transaction = new Transaction(sleeping);
  expect(transaction.step('nap').wait).toEqual({ untilMs: START_MS + 100 });
  transaction.tell({ type: 'wait_due', step: 'nap', nowMs: START_MS + 100 });
  expect(transaction.step('until').wait).toEqual({ untilMs: START_MS + 5_000 });
  transaction.tell({ type: 'wait_due', step: 'until', nowMs: START_MS + 5_000 });
  expect(transaction.step('charge').args).toEqual([]);
});

test.each([Number.NaN, undefined, null, {}, 'tomorrow', 1e16, new Date(1e15), new Date(Number.NaN)])(
  'a sleep of %o fails the saga as a mapper that throws',
  (duration) => {
    const transaction = new Transaction(empty.step(plainStep('reserve'), from).sleep('nap', () => duration as never));
    expect(transaction.succeed('reserve')).toEqual(['step_succeeded', 'step_failed', 'saga_turned', 'compensation_issued']);
  },
);
