import { expect, test } from 'vitest';
import * as z from 'zod';
import { saga, signal, step, StepFailed } from '../../src/index.ts';
import { testSaga } from '../../src/testing/index.ts';

const Order = z.object({ sku: z.string(), cents: z.number() });
const create = step({ name: 'create', service: 'orders', input: Order, result: z.object({ orderId: z.string() }) });
const charge = step({
  name: 'charge',
  service: 'payments',
  input: z.object({ cents: z.number() }),
  result: z.object({ chargeId: z.string() }),
});
const mail = step({ name: 'mail', service: 'mail', input: z.object({ to: z.string() }), result: z.object({}) });
const order = saga({ name: 'order', version: 1, input: Order })
  .step(create, ({ input }) => input)
  .step(charge, ({ input }) => ({ cents: input.cents }), { pivot: true })
  .step(mail, ({ results }) => ({ to: results.create.orderId }), { retriable: true, when: ({ input }) => input.cents > 0 })
  .returns(({ results }) => ({ chargeId: results.charge.chargeId }));

const stubs = {
  create: () => ({ orderId: 'o' }),
  charge: (input: { cents: number }) => ({ chargeId: `c${input.cents}` }),
  mail: () => ({}),
};
const input = { sku: 'mug', cents: 900 };

test('a saga runs to its end by the engine’s rules', async () => {
  const run = testSaga(order, stubs);
  expect(await run.run(input)).toEqual({ status: 'completed', output: { chargeId: 'c900' } });
  expect(run.ran).toEqual(['create', 'charge', 'mail']);
  await run.run({ ...input, cents: 0 });
  expect(run.ran).toEqual(['create', 'charge']);
});

test('a definite failure undoes the steps before it', async () => {
  const run = testSaga(order, stubs).failing('charge', new StepFailed('card declined'));
  expect(await run.run(input)).toMatchObject({ status: 'compensated', failedStep: 'charge', reason: { message: 'card declined' } });
  expect(run.compensated).toEqual(['create']);
});

test('an unknown outcome is retried, and then undone as well', async () => {
  const twice = testSaga(order, stubs).failing('create', new Error('reset'), { times: 2, afterEffect: true });
  expect((await twice.run(input)).status).toBe('completed');
  expect(twice.ran.filter((name) => name === 'create')).toHaveLength(3);
  const always = testSaga(order, stubs).failing('create', new Error('reset'));
  expect((await always.run(input)).status).toBe('compensated');
  expect(always.compensated).toEqual(['create']);
});

test('a pivot whose outcome stays unknown is stuck with nothing undone', async () => {
  const run = testSaga(order, stubs).failing('charge', new Error('reset'));
  expect(await run.run(input)).toMatchObject({ status: 'stuck', failedStep: 'charge' });
  expect(run.compensated).toEqual([]);
});

test('bad input is refused before anything runs', async () => {
  const run = testSaga(order, stubs);
  await expect(run.run({ sku: 'mug' } as never)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  expect(run.ran).toEqual([]);
});

const approval = signal({ name: 'approval', data: z.object({ by: z.string() }) });
const approved = saga({ name: 'approved', version: 1, input: Order })
  .step(create, ({ input }) => input)
  .waitFor(approval, { timeoutMs: 86_400_000 })
  .sleep('cooling_off', 86_400_000)
  .returns(({ results }) => results.approval);

test('waits end at once: a pause is over, and a signal brings what its stub gives', async () => {
  const run = testSaga(approved, { create: stubs.create, approval: () => ({ by: 'ann' }) });
  expect(await run.run(input)).toEqual({ status: 'completed', output: { by: 'ann' } });
  expect(run.ran).toEqual(['create']);
});

test('a stub that gives nothing stands for a signal that does not come', async () => {
  const run = testSaga(approved, { create: stubs.create, approval: () => undefined as never });
  expect(await run.run(input)).toMatchObject({ status: 'compensated', failedStep: 'approval' });
  expect(run.compensated).toEqual(['create']);
});

test('a signal whose data does not fit its schema is refused as it would be', async () => {
  const run = testSaga(approved, { create: stubs.create, approval: () => ({ by: 7 }) as never });
  await expect(run.run(input)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
});
