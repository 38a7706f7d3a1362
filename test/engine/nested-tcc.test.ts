import * as z from 'zod';
import { describe, expect, test } from 'vitest';
import { StepFailed } from '../../src/errors.ts';
import { implement } from '../../src/flows/implement.ts';
import { resource } from '../../src/flows/resource.ts';
import { saga } from '../../src/flows/saga.ts';
import { step } from '../../src/flows/step.ts';
import { tcc } from '../../src/flows/tcc.ts';
import { nest, nestedResource } from '../../src/nested-tcc.ts';
import { eventually } from '../support/eventually.ts';
import { STORE_KINDS } from '../support/stores.ts';
import { namedStep, OrderInput, useBench } from './fixture.ts';
import { checkoutTcc, namedResource, type Conduct } from './tcc-fixture.ts';

const Held = z.object({ transactionId: z.string() });
const refuse = (): never => {
  throw new StepFailed('no seat is left');
};

describe.each(STORE_KINDS)('nested TCC on %s', (kind) => {
  const bench = useBench(kind);

  /** A trip holds what a checkout holds, and a seat. */
  async function trip(seat: Conduct = {}, credit: Conduct = {}) {
    const inner = checkoutTcc(bench.ledger, { deadlineMs: 40_000, credit });
    const cart = resource({ name: 'cart', service: 'shop', input: OrderInput, hold: Held, holdForMs: 40_000 });
    const outer = tcc({ name: 'trip', version: 1, input: OrderInput, deadlineMs: 20_000 })
      .reserve(cart, ({ input }) => input)
      .reserve(namedResource('seat', bench.ledger, seat), ({ input }) => input)
      .returns(({ holds }) => ({ cart: holds.cart.transactionId }));
    await bench.work([inner, outer], { implementations: [nestedResource(bench.amends, cart, inner, (input) => input)] });
    return { inner, run: await bench.amends.start(outer, { order: 'o' }, { id: `trip-${kind}-${bench.store.namespace}-${++trips}` }) };
  }
  let trips = 0;

  test('a TCC that is a resource of another one: held with it, and confirmed with it', async () => {
    const { inner, run } = await trip();
    const { cart } = await run.result({ timeoutMs: 20_000 });
    expect(cart).toBe(`${run.id}:cart`);
    expect(await bench.amends.get(cart, inner).outcome()).toMatchObject({ status: 'confirmed' });
    expect(bench.ledger.slice(0, 3)).toEqual(['try stock', 'try credit', 'try seat']);
    expect(bench.ledger.slice(3).sort()).toEqual(['confirm credit', 'confirm seat', 'confirm stock']);
  });

  test('the outer one is cancelled: the inner one with it', async () => {
    const { inner, run } = await trip({ try: refuse });
    expect(await run.outcome({ timeoutMs: 20_000 })).toMatchObject({ status: 'cancelled', failedReservation: 'seat' });
    expect(await bench.amends.get(`${run.id}:cart`, inner).outcome()).toMatchObject({ status: 'cancelled' });
    expect(bench.ledger.slice(0, 2)).toEqual(['try stock', 'try credit']);
    expect(bench.ledger.slice(2).sort()).toEqual(['cancel credit', 'cancel seat', 'cancel stock']);
  });

  test('the inner one can not be held: the outer one is cancelled, and nothing else was tried', async () => {
    const { run } = await trip({}, { try: refuse });
    const outcome = await run.outcome({ timeoutMs: 20_000 });
    expect(outcome).toMatchObject({ status: 'cancelled', failedReservation: 'cart' });
    expect(bench.ledger.filter((entry) => entry.endsWith('seat'))).toEqual([]);
  });

  test('a saga step holds a TCC, and a later one confirms it; an undo cancels it', async () => {
    const inner = checkoutTcc(bench.ledger);
    const contract = { input: OrderInput, result: Held, retry: { attempts: 3, delayMs: 5 } };
    const hold = step({ name: 'hold_cart', service: 'shop', ...contract });
    const confirm = step({
      name: 'confirm_cart',
      service: 'shop',
      input: Held,
      result: z.object({ stock: z.string(), credit: z.string() }),
    });
    const cart = nest(bench.amends, inner);
    const outer = saga({ name: 'holding', version: 1, input: OrderInput })
      .step(hold, ({ input }) => input)
      .step(
        namedStep('ship', bench.ledger, {
          run: ({ input }) => {
            if (input.order === 'refused') refuse();
          },
        }),
        ({ input }) => input,
      )
      .step(confirm, ({ results }) => results.hold_cart, { retriable: true })
      .returns(({ results }) => results.confirm_cart.stock);
    await bench.work([inner, outer], {
      implementations: [
        implement(hold, { run: (context) => cart.hold(context, context.input), compensate: (context) => cart.cancel(context) }),
        implement(confirm, { run: (context) => cart.confirm(context.input, context) }),
      ],
    });
    const good = await bench.amends.start(outer, { order: 'o' });
    expect(await good.result({ timeoutMs: 20_000 })).toBe('stock/o');
    expect(bench.ledger.slice(0, 3)).toEqual(['try stock', 'try credit', 'ship']);
    expect(bench.ledger.slice(3).sort()).toEqual(['confirm credit', 'confirm stock']);

    bench.ledger.length = 0;
    const bad = await bench.amends.start(outer, { order: 'refused' });
    expect(await bad.outcome({ timeoutMs: 20_000 })).toMatchObject({ status: 'compensated', failedStep: 'ship' });
    expect(bench.ledger.slice(2).sort()).toEqual(['cancel credit', 'cancel stock']);
    const child = bench.amends.get(`${bad.id}:hold_cart`, inner);
    await eventually(async () => expect((await child.view()).status).toBe('cancelled'));
  });

  test('a TCC as the pivot of a saga: cancelled, so the saga is undone', async () => {
    const inner = checkoutTcc(bench.ledger, { credit: { try: refuse } });
    const cart = nest(bench.amends, inner);
    const pay = step({
      name: 'pay',
      input: OrderInput,
      result: z.object({ stock: z.string(), credit: z.string() }),
      run: (context) => cart.complete(context, context.input),
    });
    const outer = saga({ name: 'paying', version: 1, input: OrderInput })
      .step(namedStep('pack', bench.ledger), ({ input }) => input)
      .step(pay, ({ input }) => input, { pivot: true });
    await bench.work([inner, outer]);
    const outcome = await (await bench.amends.start(outer, { order: 'o' })).outcome({ timeoutMs: 20_000 });
    expect(outcome).toMatchObject({ status: 'compensated', failedStep: 'pay' });
    expect(bench.ledger.at(-1)).toBe('-pack');
  });

  test('a hold that outlives the inner deadline is refused', () => {
    const cart = resource({ name: 'cart', service: 'shop', input: OrderInput, hold: Held, holdForMs: 40_001 });
    const inner = checkoutTcc(bench.ledger, { deadlineMs: 40_000 });
    expect(() => nestedResource(bench.amends, cart, inner, (input) => input)).toThrow('give that a deadlineMs of 40001 or more');
  });
});
