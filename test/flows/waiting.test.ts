import { expect, test } from 'vitest';
import * as z from 'zod';
import { saga } from '../../src/flows/saga.ts';
import { signal } from '../../src/flows/signal.ts';
import { plainStep } from '../support/sagas.ts';
import { refusal } from './refusal.ts';

const input = z.unknown();
const from = ({ input }: { readonly input: unknown }): unknown => input;
const empty = saga({ name: 'order', version: 1, input });
const approval = signal({ name: 'approval', data: z.object({ by: z.string() }) });
const [a, b] = [plainStep('a'), plainStep('b')];

function wrong(value: unknown): never {
  return value as never;
}

test('waits are steps of the plan that change nothing and run nowhere', () => {
  const { plan, contracts, signals } = empty.step(a, from).waitFor(approval, { timeoutMs: 1_000 }).sleep('pause', 50);
  expect(plan.stages).toEqual([['a'], ['approval'], ['pause']]);
  const wait = { kind: 'signal', timeoutMs: 1_000, onTimeout: 'fail' };
  expect(plan.steps['approval']).toMatchObject({ kind: 'readOnly', service: null, conditional: false, wait });
  expect(plan.steps['pause']).toMatchObject({ kind: 'readOnly', service: null, wait: { kind: 'timer' } });
  expect(contracts).toEqual([a]);
  expect(signals).toEqual([approval]);
});

test('what a wait is for belongs to the graph, how long it takes does not', () => {
  const of = (options: object): string => empty.waitFor(approval, options).plan.fingerprint;
  expect(of({ timeoutMs: 1 })).toBe(of({ timeoutMs: 2 }));
  expect(of({ timeoutMs: 1 })).toBe(of({}));
  expect(of({ timeoutMs: 1 })).not.toBe(of({ timeoutMs: 1, onTimeout: 'continue' }));
  expect(empty.sleep('pause', 1).plan.fingerprint).toBe(empty.sleep('pause', () => 2).plan.fingerprint);
  expect(empty.sleep('approval', 1).plan.fingerprint).not.toBe(of({}));
});

test('a saga without waits keeps the fingerprint it has always had', () => {
  expect(empty.step(a, from).step(b, from).plan.fingerprint).toBe('9ddbadaec448bb5b444da65e09ac17e4');
});

test('a signal waits beside steps', () => {
  expect(empty.parallel((all) => all.step(a, from).waitFor(approval)).plan.stages).toEqual([['a', 'approval']]);
});

test('a timeout that would turn a saga back where nothing is undone is refused', () => {
  const message = (gate: string): string =>
    `saga "order": the wait for "approval" stands where nothing is undone any more ("${gate}" decided), so its timeout can't turn the saga back: give onTimeout: 'continue', or leave timeoutMs out`;
  const past = empty.step(a, from, { pivot: true });
  expect(() => past.waitFor(approval, { timeoutMs: 1 })).toThrow(refusal(message('a')));
  expect(() => empty.parallel((all) => all.step(b, from, { retriable: true }).waitFor(approval, { timeoutMs: 1 }))).toThrow(
    refusal(message('b')),
  );
  expect(past.waitFor(approval, { timeoutMs: 1, onTimeout: 'continue' }).plan.stages).toHaveLength(2);
  expect(past.waitFor(approval).plan.stages).toHaveLength(2);
});

test('a name is given once', () => {
  const message = (name: string): string => `saga "order": "${name}" is already a step of this saga: give one of the two another name`;
  expect(() => empty.waitFor(approval).waitFor(wrong(approval))).toThrow(refusal(message('approval')));
  expect(() => empty.step(a, from).sleep('a', 1)).toThrow(refusal(message('a')));
});

test('what is no wait is refused, with what to write', () => {
  expect(() => empty.waitFor(wrong(a))).toThrow(refusal('saga "order": .waitFor() takes what signal({ … }) gives, not object'));
  expect(() => empty.waitFor(wrong('approval'))).toThrow(refusal('saga "order": .waitFor() takes what signal({ … }) gives, not string'));
  const where = 'saga "order": the wait for "approval"';
  for (const timeoutMs of [0, -1, 1.5, Number.NaN, Infinity, 1e15]) {
    const message = `${where}: timeoutMs is ${timeoutMs}: give a whole number of milliseconds from 1, or leave it out`;
    expect(() => empty.waitFor(approval, { timeoutMs })).toThrow(refusal(message));
  }
  expect(() => empty.waitFor(approval, wrong({ timeoutMs: 1, onTimeout: 'ignore' }))).toThrow(
    refusal(`${where}: onTimeout is ignore: give 'fail' or 'continue'`),
  );
  expect(() => empty.waitFor(approval, wrong({ onTimeout: 'continue' }))).toThrow(
    refusal(`${where}: onTimeout says what a timeout means: give timeoutMs as well`),
  );
  expect(() => empty.waitFor(approval, wrong({ when: true }))).toThrow(
    refusal(`${where}: when is a boolean: give a function, ({ input, results }) => …`),
  );
  for (const duration of [-1, Number.NaN, Infinity, 1e15, 'a day', undefined]) {
    const message = `saga "order": sleep "pause": give milliseconds from 0, or a function that gives them or a Date, not ${String(duration)}`;
    expect(() => empty.sleep('pause', wrong(duration))).toThrow(refusal(message));
  }
  expect(() => signal({ name: 'approval', data: wrong({}) })).toThrow(
    refusal('signal "approval": give data, a schema such as z.object({ … })'),
  );
  expect(() => signal({ name: 'no good', data: input })).toThrow(/can't be the name of a signal/);
});
