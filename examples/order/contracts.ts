import { saga, step } from 'amends';
import { z } from 'zod';

/** Text that every database can store: no control characters, no halves of a surrogate pair. */
const Text = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'has control characters: remove them');
const OrderId = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'use 1 to 64 letters, digits and . _ -');
const Cents = z.int().min(0);

/** An order as the shop's till writes it, with prices in pounds. Other keys are dropped. */
export const RetailOrder = z.object({
  orderId: OrderId,
  customerId: Text.nullable(),
  country: Text,
  placedAt: z.iso.datetime(),
  items: z
    .array(
      z.object({ sku: Text, description: z.string().max(1_000), quantity: z.int().max(1_000_000), unitPrice: z.number().max(1_000_000) }),
    )
    .max(1_000, 'an order has at most 1000 items: split it'),
  total: z.number().max(100_000_000),
});
export type RetailOrder = z.output<typeof RetailOrder>;

function centsOf(pounds: number): number {
  return Math.round(pounds * 100);
}

/** What makes an order one that can be sold: one sentence for each rule it breaks. */
function problemsOf(order: RetailOrder): readonly { readonly path: string; readonly message: string }[] {
  const { orderId, customerId, items, total } = order;
  if (orderId.startsWith('C'))
    return [{ path: 'orderId', message: `${orderId} is a cancellation: cancel the saga of the order it is for` }];
  const problems: { path: string; message: string }[] = [];
  if (customerId === null) problems.push({ path: 'customerId', message: 'the order is anonymous: say whom to charge' });
  if (items.length === 0) problems.push({ path: 'items', message: 'the order is empty: give at least one item' });
  const returned = items.find(({ quantity }) => quantity <= 0);
  if (returned !== undefined) {
    problems.push({ path: 'items', message: `quantity ${returned.quantity} of ${returned.sku} is a return: order 1 or more` });
  }
  const negative = items.find(({ unitPrice }) => unitPrice < 0);
  if (negative !== undefined) {
    problems.push({ path: 'items', message: `unitPrice ${negative.unitPrice} of ${negative.sku} is below 0: give what one costs` });
  }
  // Each line may have been rounded for itself, so the sum may differ from the total by a cent for each.
  const sum = items.reduce((cents, { quantity, unitPrice }) => cents + centsOf(quantity * unitPrice), 0);
  if (problems.length === 0 && Math.abs(sum - centsOf(total)) > items.length) {
    problems.push({ path: 'total', message: `total ${total} is not what the items cost, ${sum / 100}: correct one of them` });
  }
  return problems;
}

/**
 * The saga's input: a {@link RetailOrder} that can be sold. From here on money is whole cents. What is charged is the `total`, which the
 * customer has agreed to, and not the sum of the items.
 */
export const OrderInput = RetailOrder.superRefine((order, context) => {
  for (const { path, message } of problemsOf(order)) context.addIssue({ code: 'custom', path: [path], message });
}).transform(({ orderId, customerId, country, placedAt, items, total }) => ({
  orderId,
  customerId: customerId ?? '',
  country,
  placedAt,
  lines: items.map(({ sku, quantity }) => ({ sku, quantity })),
  units: items.reduce((units, { quantity }) => units + quantity, 0),
  cents: centsOf(total),
}));
export type OrderInput = z.input<typeof OrderInput>;

const policy = {
  timeoutMs: 10_000,
  retry: { attempts: 5, delayMs: 100, maxDelayMs: 5_000 },
  compensation: { timeoutMs: 10_000, retry: { attempts: 10, delayMs: 100, maxDelayMs: 5_000 } },
} as const;

export const createOrder = step({
  name: 'create_order',
  service: 'orders',
  input: z.object({ orderId: OrderId, customerId: Text, country: Text, placedAt: z.iso.datetime(), units: z.int().min(1), cents: Cents }),
  result: z.object({ orderId: OrderId }),
  ...policy,
});

export const reserveInventory = step({
  name: 'reserve_inventory',
  service: 'inventory',
  input: z.object({ orderId: OrderId, lines: z.array(z.object({ sku: Text, quantity: z.int().min(1) })).min(1) }),
  result: z.object({ reservationId: z.string() }),
  ...policy,
});

export const chargePayment = step({
  name: 'charge_payment',
  service: 'payments',
  input: z.object({ orderId: OrderId, customerId: Text, cents: Cents }),
  result: z.object({ chargeId: z.string() }),
  ...policy,
});

/** Takes an order: it is entered, its items are reserved, its customer is charged. When one of the three can't be done, none is left done. */
export const orderSaga = saga({ name: 'order', version: 1, input: OrderInput, deadlineMs: 15 * 60_000 })
  .step(createOrder, ({ input: { orderId, customerId, country, placedAt, units, cents } }) => ({
    orderId,
    customerId,
    country,
    placedAt,
    units,
    cents,
  }))
  .step(reserveInventory, ({ input, results }) => ({ orderId: results.create_order.orderId, lines: input.lines }))
  .step(chargePayment, ({ input, results }) => ({
    orderId: results.create_order.orderId,
    customerId: input.customerId,
    cents: input.cents,
  }))
  .returns(({ input, results }) => ({
    orderId: results.create_order.orderId,
    reservationId: results.reserve_inventory.reservationId,
    chargeId: results.charge_payment.chargeId,
    cents: input.cents,
  }));
