// What the shop and its two services share: contracts, and the TCC over them. No code of either service.
import { resource, tcc } from 'amends';
import { z } from 'zod';

export const stock = resource({
  name: 'stock',
  service: 'inventory',
  input: z.object({ sku: z.string(), pieces: z.int().min(1) }),
  hold: z.object({ sku: z.string(), pieces: z.int() }),
  holdForMs: 60_000,
});

export const credit = resource({
  name: 'credit',
  service: 'bank',
  input: z.object({ customer: z.string(), cents: z.int().min(1) }),
  hold: z.object({ customer: z.string(), cents: z.int() }),
  holdForMs: 60_000,
});

const Cart = z.object({ customer: z.string(), sku: z.string(), pieces: z.int().min(1), centsEach: z.int().min(1) });
export type Cart = z.infer<typeof Cart>;

export const checkout = tcc({ name: 'checkout', version: 1, input: Cart, deadlineMs: 30_000 })
  .parallel((all) =>
    all
      .reserve(stock, ({ input }) => ({ sku: input.sku, pieces: input.pieces }))
      .reserve(credit, ({ input }) => ({ customer: input.customer, cents: input.pieces * input.centsEach })),
  )
  .returns(({ holds }) => ({ sold: holds.stock.pieces, cents: holds.credit.cents }));
