// oxlint-disable vitest/expect-expect -- the compiler is what these tests ask: each wrong use has to be an error
import { expectTypeOf, test } from 'vitest';
import * as z from 'zod';
import type { Amends } from '../../src/amends.ts';
import { implementResource, resource } from '../../src/flows/resource.ts';
import { tcc } from '../../src/flows/tcc.ts';
import type { TccOutcome } from '../../src/producers/tcc-outcome.ts';
import type { TccRun } from '../../src/producers/tcc-run.ts';

const stock = resource({
  name: 'stock',
  service: 'inventory',
  input: z.object({ sku: z.string(), quantity: z.number().default(1) }),
  hold: z.object({ lot: z.string(), cents: z.number() }),
  holdForMs: 60_000,
});
const credit = resource({
  name: 'credit',
  service: 'payments',
  input: z.object({ cents: z.number() }),
  hold: z.object({ holdId: z.string() }),
  holdForMs: 60_000,
});
const open = tcc({ name: 'checkout', version: 1, input: z.object({ sku: z.string(), gift: z.boolean() }), deadlineMs: 30_000 });
const checkout = open
  .reserve(stock, ({ input }) => ({ sku: input.sku }))
  .reserve(credit, ({ holds }) => ({ cents: holds.stock.cents }), { when: ({ input }) => !input.gift })
  .returns(({ holds }) => ({ lot: holds.stock.lot, paid: holds.credit?.holdId }));

test('a mapper sees the parsed input and the holds so far', () => {
  open.reserve(stock, (context) => {
    expectTypeOf(context.input).toEqualTypeOf<{ sku: string; gift: boolean }>();
    expectTypeOf(context.holds).toEqualTypeOf<{}>();
    return { sku: 's' };
  });
  // @ts-expect-error nothing is held before the first reservation
  open.reserve(credit, ({ holds }) => ({ cents: holds.stock.cents }));
  // @ts-expect-error the wrong input
  open.reserve(credit, () => ({ cents: '1' }));
  // @ts-expect-error a name is taken once
  open.reserve(stock, () => ({ sku: 's' })).reserve(stock, () => ({ sku: 's' }));
});

test('reservations of a group see what was held before, not each other', () => {
  open
    .parallel((all) =>
      all
        .reserve(stock, () => ({ sku: 's' }))
        // @ts-expect-error they are tried at the same time
        .reserve(credit, ({ holds }) => ({ cents: holds.stock.cents })),
    )
    .returns(({ holds }) => {
      expectTypeOf(holds.stock.lot).toEqualTypeOf<string>();
      return holds.credit.holdId;
    });
});

test('the code is typed by the contract: a hold may be missing at the cancel', () => {
  implementResource(stock, {
    try: ({ input, expiresAt, op }) => {
      expectTypeOf(input).toEqualTypeOf<{ sku: string; quantity: number }>();
      expectTypeOf(expiresAt).toEqualTypeOf<Date>();
      expectTypeOf(op).toEqualTypeOf<'try'>();
      return { lot: 'l', cents: 1 };
    },
    confirm: ({ hold }) => expectTypeOf(hold).toEqualTypeOf<{ lot: string; cents: number }>(),
    cancel: ({ hold }) => expectTypeOf(hold).toEqualTypeOf<{ lot: string; cents: number } | undefined>(),
  });
  // @ts-expect-error the hold of another shape
  implementResource(stock, { try: () => ({ lot: 1 }), confirm: () => undefined, cancel: () => undefined });
  // @ts-expect-error without a cancel
  implementResource(stock, { try: () => ({ lot: 'l', cents: 1 }), confirm: () => undefined });
});

test('its tries are a job each: a saga alone can be fused', () => {
  // @ts-expect-error there is no such option
  tcc({ name: 'checkout', version: 1, input: z.string(), deadlineMs: 30_000, fuse: true });
});

test('a run has the words of a TCC', async () => {
  const amends = {} as Amends;
  const start = () => amends.start(checkout, { sku: 's', gift: false }, { awaitsVerdict: true });
  expectTypeOf(start).returns.resolves.toEqualTypeOf<TccRun<{ lot: string; paid: string | undefined }>>();
  expectTypeOf<TccOutcome<number>['status']>().toEqualTypeOf<'confirmed' | 'cancelled' | 'stuck' | 'terminated'>();
  expectTypeOf(() => amends.get('id', checkout)).returns.toEqualTypeOf<TccRun<{ lot: string; paid: string | undefined }>>();
  // @ts-expect-error the input of another shape
  void (() => amends.start(checkout, { sku: 1, gift: false }));
});
