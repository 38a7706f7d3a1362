// The example of the documentation, whole: contracts, plan, implementation, start, and a test of it.
import { expectTypeOf, test } from 'vitest';
import * as z from 'zod';
import { connect, implement, saga, step } from '../../src/index.ts';
import { testSaga } from '../../src/testing/index.ts';

const OrderInput = z.object({
  customerId: z.string(),
  sku: z.string(),
  quantity: z.number().int(),
  cents: z.number().int(),
  gift: z.boolean().default(false),
});
const createOrder = step({
  name: 'create_order',
  service: 'orders',
  input: OrderInput.pick({ customerId: true, sku: true }),
  result: z.object({ orderId: z.string() }),
});
const reserveInventory = step({
  name: 'reserve_inventory',
  service: 'inventory',
  input: z.object({ sku: z.string(), quantity: z.number() }),
  result: z.object({ reservationId: z.string() }),
});
const scoreRisk = step({
  name: 'score_risk',
  service: 'risk',
  input: z.object({ customerId: z.string() }),
  result: z.object({ score: z.number() }),
});
const wrapGift = step({
  name: 'wrap_gift',
  service: 'inventory',
  input: z.object({ reservationId: z.string() }),
  result: z.object({ wrapId: z.string() }),
});
const chargePayment = step({
  name: 'charge_payment',
  service: 'payments',
  input: z.object({ orderId: z.string(), cents: z.number() }),
  result: z.object({ chargeId: z.string() }),
  timeoutMs: 30_000,
  retry: { attempts: 5, backoff: 'exponential', delayMs: 200, maxDelayMs: 10_000, jitter: 0.5 },
});

const orderSaga = saga({ name: 'order', version: 1, input: OrderInput, deadlineMs: 600_000 })
  .step(createOrder, ({ input }) => ({ customerId: input.customerId, sku: input.sku }))
  .parallel((all) =>
    all
      .step(reserveInventory, ({ input }) => ({ sku: input.sku, quantity: input.quantity }))
      .step(scoreRisk, ({ input }) => ({ customerId: input.customerId })),
  )
  .step(wrapGift, ({ results }) => ({ reservationId: results.reserve_inventory.reservationId }), { when: ({ input }) => input.gift })
  .step(chargePayment, ({ input, results }) => ({ orderId: results.create_order.orderId, cents: input.cents }), { pivot: true })
  .returns(({ results }) => ({ orderId: results.create_order.orderId, wrapped: results.wrap_gift?.wrapId }));

interface Output {
  orderId: string;
  wrapped: string | undefined;
}

test('the service that owns a step', () => {
  const payments = implement(chargePayment, {
    run: async ({ input, idempotencyKey }) => ({ chargeId: `${input.orderId}:${idempotencyKey}` }),
    compensate: async ({ result, reason }) => ({ refunded: result?.chargeId, because: reason.message }),
  });
  expectTypeOf(payments.step.name).toEqualTypeOf<string>();
});

test('starting and following', async () => {
  await using amends = await connect();
  const run = await amends.start(orderSaga, { customerId: 'c', sku: 's', quantity: 1, cents: 10 }, { id: 'order-1' });
  expectTypeOf(await run.result({ timeoutMs: 1000 })).toEqualTypeOf<Output>();
  const outcome = await run.outcome();
  if (outcome.status === 'completed') expectTypeOf(outcome.output).toEqualTypeOf<Output>();
  if (outcome.status === 'compensated') expectTypeOf(outcome.failedStep).toEqualTypeOf<string | undefined>();
  // @ts-expect-error only what completed has an output
  void outcome.output;
  // @ts-expect-error the input lacks its customer
  await amends.start(orderSaga, { sku: 's', quantity: 1, cents: 10 });
  // @ts-expect-error a quantity is a number
  await amends.start(orderSaga, { customerId: 'c', sku: 's', quantity: '1', cents: 10 });
});

test('a test of it', async () => {
  const stubs = {
    create_order: () => ({ orderId: 'o' }),
    reserve_inventory: () => ({ reservationId: 'r' }),
    score_risk: () => ({ score: 1 }),
    wrap_gift: () => ({ wrapId: 'w' }),
    charge_payment: () => ({ chargeId: 'c' }),
  };
  const tested = testSaga(orderSaga, stubs).failing('charge_payment', new Error('card declined'));
  const outcome = await tested.run({ customerId: 'c', sku: 's', quantity: 1, cents: 10 });
  if (outcome.status === 'completed') expectTypeOf(outcome.output).toEqualTypeOf<Output>();
  type Names = 'create_order' | 'reserve_inventory' | 'score_risk' | 'wrap_gift' | 'charge_payment';
  expectTypeOf(tested.compensated).toEqualTypeOf<readonly Names[]>();
  // @ts-expect-error no such step
  tested.failing('charge', new Error('x'));
  // @ts-expect-error a stub is missing
  testSaga(orderSaga, { create_order: stubs.create_order });
});
