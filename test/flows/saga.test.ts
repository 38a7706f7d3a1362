import { expect, test } from 'vitest';
import * as z from 'zod';
import { saga, type AnySaga } from '../../src/flows/saga.ts';
import { step } from '../../src/flows/step.ts';
import { plainStep } from '../support/sagas.ts';
import { refusal } from './refusal.ts';

const input = z.unknown();
const from = ({ input }: { readonly input: unknown }): unknown => input;
const empty = saga({ name: 'order', version: 1, input });
const [a, b, c] = [plainStep('a'), plainStep('b'), plainStep('c')];

/** A step of the name `a` that the compiler does not know for one. */
const taken = plainStep('a') as unknown as typeof c;

/** What plain JavaScript, or a type assertion, can still pass. */
function wrong(value: unknown): never {
  return value as never;
}

test('S19 a step without compensate, readOnly, pivot or retriable is refused, with the words that are missing', () => {
  const bare = step({ name: 'charge', input, result: input, run: () => 1 });
  const message = `saga "order": step "charge" can't be undone: add compensate to the step, or mark it readOnly: true, pivot: true or retriable: true`;
  expect(() => empty.step(bare, from)).toThrow(refusal(message));
  expect(() => empty.parallel((all) => all.step(bare, from))).toThrow(refusal(message));
  for (const mark of ['readOnly', 'pivot', 'retriable'])
    expect(empty.step(bare, from, { [mark]: true }).plan.steps['charge']?.kind).toBe(mark);
});

test('S19 a contract whose code is elsewhere is taken to be compensatable', () => {
  const contract = step({ name: 'charge', service: 'payments', input, result: input });
  expect(empty.step(contract, from).plan.steps['charge']).toMatchObject({ kind: 'compensatable', service: 'payments' });
});

test('S34 a compensatable step after the pivot is refused', () => {
  const message =
    'saga "order": step "b" comes after "a", from where nothing is undone: mark it retriable: true or readOnly: true, or move it before';
  expect(() => empty.step(a, from, { pivot: true }).step(b, from)).toThrow(refusal(message));
  expect(() => empty.step(a, from, { retriable: true }).step(b, from)).toThrow(refusal(message));
  expect(() => empty.step(a, from, { pivot: true }).parallel((all) => all.step(b, from))).toThrow(refusal(message));
});

test('a second point of no return is refused', () => {
  const message = `saga "order": step "b" can't be a pivot after "a": a saga has one point of no return`;
  expect(() => empty.step(a, from, { pivot: true }).step(b, from, { pivot: true })).toThrow(refusal(message));
  expect(() => empty.step(a, from, { retriable: true }).step(b, from, { pivot: true })).toThrow(refusal(message));
});

test('a pivot in a parallel group is refused: all before it has to be settled when it decides', () => {
  expect(() => empty.parallel((all) => all.step(a, from).step(b, from, { pivot: true }))).toThrow(
    refusal(
      'saga "order": pivot "b" stands in a parallel group: give it a .step() of its own, so that all before it is settled when it decides',
    ),
  );
});

test('a retriable step beside one that may still be undone is refused', () => {
  const message = 'saga "order": "b" is retriable but runs in parallel with "a", which may still be undone: move it into a later .step()';
  expect(() => empty.parallel((all) => all.step(a, from).step(b, from, { retriable: true }))).toThrow(refusal(message));
  expect(() => empty.parallel((all) => all.step(b, from, { retriable: true }).step(a, from))).toThrow(refusal(message));
  const plan = empty.parallel((all) => all.step(a, from, { readOnly: true }).step(b, from, { retriable: true })).plan;
  expect(plan.stages).toEqual([['a', 'b']]);
});

test('a name that is taken is refused, also across and within parallel groups', () => {
  const message = 'saga "order": "a" is already a step of this saga: give one of the two another name';
  expect(() => empty.step(a, from).step(taken, from)).toThrow(refusal(message));
  expect(() => empty.step(a, from).parallel((all) => all.step(taken, from))).toThrow(refusal(message));
  expect(() => empty.parallel((all) => all.step(a, from).step(taken, from))).toThrow(refusal(message));
});

test('a step with two marks is refused', () => {
  expect(() => empty.step(a, from, { pivot: true, readOnly: true })).toThrow(
    refusal('saga "order": step "a" is marked pivot and readOnly: keep one of them'),
  );
});

test('what .step() can not use is refused', () => {
  expect(() => empty.step(undefined as unknown as typeof a, from)).toThrow(
    refusal('saga "order": .step() takes what step({ … }) gives, not undefined'),
  );
  expect(() => empty.step({ name: 'a' } as unknown as typeof a, from)).toThrow(
    refusal('saga "order": .step() takes what step({ … }) gives, not object'),
  );
  expect(() => empty.step(a, wrong(undefined))).toThrow(
    refusal('saga "order": step "a": say where its input comes from, ({ input, results }) => ({ … })'),
  );
  expect(() => empty.step(a, from, { when: wrong(true) })).toThrow(
    refusal('saga "order": step "a": when is a boolean: give a function, ({ input, results }) => …'),
  );
  expect(() => empty.step(a, from, { retry: { attempts: -1 } })).toThrow(
    refusal('saga "order": step "a": retry.attempts is -1: give a whole number from 1 to 1000000'),
  );
});

test('a parallel group that is empty, or was not given back, is refused', () => {
  expect(() => empty.parallel((all) => all)).toThrow(refusal('saga "order": a parallel group is empty: add a step to it or drop it'));
  const message = 'saga "order": .parallel() needs the group back: (all) => all.step(…).step(…), without braces or with return';
  expect(() =>
    empty.parallel(
      wrong((all: { step(...args: unknown[]): void }) => {
        all.step(a, from);
      }),
    ),
  ).toThrow(refusal(message));
  expect(() => empty.parallel(wrong(async (all: unknown) => all))).toThrow(refusal(message));
});

test('a saga without a step has no plan', () => {
  expect(() => empty.plan).toThrow(refusal('saga "order": it has no step: add one with .step(…)'));
  expect(() => empty.returns(() => 1)).toThrow(refusal('saga "order": it has no step: add one with .step(…)'));
});

test.each([
  ['name', { name: '9lives' }, /^"9lives" can't be the name of a saga: use 1 to 64 letters, digits, _ and -, starting with a letter$/],
  ['version', { version: 0 }, /^saga "order": version is 0: give a whole number from 1$/],
  ['version', { version: 1.5 }, /^saga "order": version is 1.5: give a whole number from 1$/],
  ['version', { version: '1' }, /^saga "order": version is 1: give a whole number from 1$/],
  ['input', { input: { type: 'object' } }, /^saga "order": give input, a schema such as z.object\({ … }\)$/],
  ['deadlineMs', { deadlineMs: 0 }, /^saga "order": deadlineMs is 0: give a whole number of milliseconds, or leave it out$/],
  ['deadlineMs', { deadlineMs: 1.5 }, /^saga "order": deadlineMs is 1.5: give a whole number of milliseconds, or leave it out$/],
])('saga() refuses a wrong %s', (_what, options, message) => {
  expect(() => saga({ name: 'order', version: 1, input, ...(options as object) })).toThrow(refusal(message));
});

test('every call gives a new builder: two sagas can grow from one beginning', () => {
  const base = empty.step(a, from);
  const [one, two] = [base.step(b, from), base.step(c, from)];
  expect(base.plan.stages).toEqual([['a']]);
  expect(one.plan.stages).toEqual([['a'], ['b']]);
  expect(two.plan.stages).toEqual([['a'], ['c']]);
  expect(one.contracts.map(({ name }) => name)).toEqual(['a', 'b']);
});

test('a parallel group is what was given back, whatever else was added to it meanwhile', () => {
  let kept: { step(contract: unknown, input: unknown): unknown } | undefined;
  const grown = empty.parallel((all) => {
    const group = all.step(a, from);
    all.step(c, from); // a group of its own, thrown away
    kept = group as never;
    return group;
  });
  kept?.step(b, from); // too late
  expect(grown.plan.stages).toEqual([['a']]);
  expect(grown.contracts.map(({ name }) => name)).toEqual(['a']);
});

test('nothing of a saga can be changed afterwards', () => {
  const built = empty.step(a, from).returns(() => 1);
  const parts: object[] = [empty, built, built.plan, built.plan.stages, built.plan.stages[0]!, built.plan.steps, built.plan.steps['a']!];
  parts.push(built.contracts, built.bindings, built.plan.steps['a']!.action, built.plan.steps['a']!.action.retry);
  for (const part of parts) expect(Object.isFrozen(part)).toBe(true);
  expect(built.plan, 'one plan').toBe(built.plan);
});

test('returns() says what the output is; without it the machine gives all results', () => {
  const built = empty.step(a, from).step(b, from);
  expect(built.bindings.output).toBeUndefined();
  expect(built.returns(({ results }) => results.b).bindings.output?.({ input: 1, results: { a: 1, b: 2 } })).toBe(2);
});

test('bindings: mappers get input and results, when decides, and an unknown step is refused', () => {
  const built = empty
    .step(a, ({ input }) => ({ got: input }))
    .step(b, ({ results }) => results.a, { when: ({ input }) => input === 'yes' });
  expect(built.bindings.bind('a', { input: 7, results: {} })).toEqual({ skip: false, args: { got: 7 } });
  expect(built.bindings.bind('b', { input: 'yes', results: { a: 1 } })).toEqual({ skip: false, args: 1 });
  expect(built.bindings.bind('b', { input: 'no', results: { a: 1 } })).toEqual({ skip: true });
  expect(() => built.bindings.bind('x', { input: 1, results: {} })).toThrow(refusal('saga "order" has no step "x"', 'UNKNOWN_DEFINITION'));
});

test('a when that gives a promise is neither yes nor no', () => {
  const built = empty.step(a, from, { when: wrong(async () => false) });
  expect(() => built.bindings.bind('a', { input: 1, results: {} })).toThrow(
    refusal('step "a": when gave a promise, which is neither yes nor no: decide from what is known'),
  );
});

test('the policy of a use goes over the one of the contract, for this saga only', () => {
  const contract = plainStep('a', { retry: { attempts: 7, delayMs: 5 } });
  const used = empty.step(contract, from, { timeoutMs: 99, retry: { delayMs: 6 } }).plan.steps['a']!;
  expect(used.action).toMatchObject({ timeoutMs: 99, retry: { attempts: 7, delayMs: 6 } });
  expect(used.compensation).toBe(contract.compensationPolicy);
  expect(empty.step(contract, from).plan.steps['a']!.action).toEqual(contract.policy);
});

test('the plan is plain data', () => {
  const { plan } = saga({ name: 'order', version: 3, input, deadlineMs: 60_000 })
    .step(a, from)
    .parallel((all) => all.step(b, from, { when: () => true }).step(c, from, { readOnly: true }));
  expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
  expect(plan).toMatchObject({ kind: 'saga', name: 'order', version: 3, deadlineMs: 60_000, stages: [['a'], ['b', 'c']] });
  expect(plan.steps['b']).toMatchObject({ stage: 1, conditional: true, kind: 'compensatable', service: null });
});

test('the fingerprint stays when policies, deadline, schemas or code change', () => {
  const contract = step({ name: 'a', service: 's', input, result: input });
  const tuned = step({ result: z.string(), input: z.string(), timeoutMs: 9, retry: { attempts: 1 }, service: 's', name: 'a' });
  const before = empty.step(contract, from).step(b, from);
  const after = saga({ deadlineMs: 5, input: z.string(), version: 1, name: 'order' })
    .step(tuned, () => 'other')
    .step(b, from, { retry: { attempts: 9 } })
    .returns(() => 1);
  expect(after.plan.fingerprint).toBe(before.plan.fingerprint);
  expect(before.plan.fingerprint).toMatch(/^[0-9a-f]{32}$/);
});

test('the fingerprint changes with everything that changes the graph', () => {
  const named = (name: string, version: number): ReturnType<typeof saga<typeof input>> => saga({ name, version, input });
  const remote = (service: string) => step({ name: 'b', service, input, result: input });
  const variants: AnySaga[] = [
    empty.step(a, from).step(b, from),
    empty.step(b, from).step(a, from),
    empty.step(a, from),
    empty.step(a, from).step(c, from),
    empty.parallel((all) => all.step(a, from).step(b, from)),
    empty.parallel((all) => all.step(b, from).step(a, from)),
    empty.step(a, from).step(b, from, { pivot: true }),
    empty.step(a, from).step(b, from, { retriable: true }),
    empty.step(a, from).step(b, from, { readOnly: true }),
    empty.step(a, from).step(b, from, { when: () => true }),
    empty.step(a, from).step(remote('one'), from),
    empty.step(a, from).step(remote('two'), from),
    named('order', 2).step(a, from).step(b, from),
    named('order2', 1).step(a, from).step(b, from),
  ];
  expect(new Set(variants.map(({ plan }) => plan.fingerprint)).size).toBe(variants.length);
});
