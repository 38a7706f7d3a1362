import { setImmediate as immediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Gathering } from '../../src/connections/gathering.ts';
import { gate } from '../engine/fixture.ts';

/** Calls as they were sent, each answered when its gate is opened. */
function gathering(answer: (item: number) => string = String) {
  const calls: (readonly number[])[] = [];
  const gates = Array.from({ length: 8 }, () => gate());
  const gathered = new Gathering<number, string>({
    async send(items) {
      calls.push(items);
      await gates[calls.length - 1]!.opened;
      return items.map(answer);
    },
    most: 3,
    isDefinite: (error) => !(error as Error).message.includes('lost'),
  });
  return { calls, gates, add: (...items: readonly number[]) => Promise.allSettled(items.map((item) => gathered.add(item))) };
}

const values = (results: readonly PromiseSettledResult<string>[]): readonly unknown[] =>
  results.map((result) => (result.status === 'fulfilled' ? result.value : (result.reason as Error).message));

test('what comes in one turn goes together, each with its own answer', async () => {
  const { calls, gates, add } = gathering();
  gates[0]!.open();
  expect(values(await add(1, 2))).toEqual(['1', '2']);
  expect(calls).toEqual([[1, 2]]);
});

test('what comes while a call is under way goes with the next one, not more than so many', async () => {
  const { calls, gates, add } = gathering();
  const first = add(1);
  await immediate();
  const others = add(2, 3, 4, 5);
  for (const each of gates) each.open();
  expect(values(await first)).toEqual(['1']);
  expect(values(await others)).toEqual(['2', '3', '4', '5']);
  expect(calls).toEqual([[1], [2, 3, 4], [5]]);
});

test('a call without an answer holds up nobody for long', async () => {
  const { gates, add } = gathering();
  const silent = add(1);
  await immediate();
  gates[1]!.open();
  expect(values(await add(2))).toEqual(['2']);
  gates[0]!.open();
  expect(values(await silent)).toEqual(['1']);
});

test('one that fails does not take the others with it', async () => {
  const { calls, gates, add } = gathering((item) => {
    if (item === 2) throw new Error('2 is refused');
    return String(item);
  });
  for (const each of gates) each.open();
  expect(values(await add(1, 2, 3))).toEqual(['1', '2 is refused', '3']);
  expect(calls).toEqual([[1, 2, 3], [1], [2], [3]]);
});

test('what may have been done is not tried again', async () => {
  const { calls, gates, add } = gathering(() => {
    throw new Error('the connection is lost');
  });
  for (const each of gates) each.open();
  expect(values(await add(1, 2))).toEqual(['the connection is lost', 'the connection is lost']);
  expect(calls).toEqual([[1, 2]]);
});
