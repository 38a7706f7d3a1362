import { expect, it } from 'vitest';
import { OrderInput, orderSaga } from '../../../examples/order/contracts.ts';

const lantern = { sku: '71053', description: 'WHITE METAL LANTERN', quantity: 6, unitPrice: 3.39 };
const order = {
  orderId: '536365',
  customerId: '17850',
  country: 'United Kingdom',
  placedAt: '2010-12-01T08:26:00Z',
  items: [lantern, { sku: '85123A', description: 'WHITE HANGING HEART', quantity: 6, unitPrice: 2.55 }],
  total: 35.64,
};

it('turns pounds into cents and keeps what the services need', () => {
  expect(OrderInput.parse({ ...order, shop: 'extra keys are dropped' })).toEqual({
    orderId: '536365',
    customerId: '17850',
    country: 'United Kingdom',
    placedAt: '2010-12-01T08:26:00Z',
    lines: [
      { sku: '71053', quantity: 6 },
      { sku: '85123A', quantity: 6 },
    ],
    units: 12,
    cents: 3564,
  });
});

it('is not led astray by floating point', () => {
  // 0.1 + 0.2 and 1.1 * 3 are no whole cents in binary; neither is a total that was summed in pounds.
  const items = [
    { ...lantern, quantity: 3, unitPrice: 1.1 },
    { ...lantern, quantity: 1, unitPrice: 0.1 },
    { ...lantern, quantity: 1, unitPrice: 0.2 },
  ];
  expect(OrderInput.parse({ ...order, items, total: 3 * 1.1 + 0.1 + 0.2 }).cents).toBe(360);
});

it('charges the total when the items differ from it by rounding, and refuses it when they differ by more', () => {
  const items = [{ ...lantern, quantity: 3, unitPrice: 0.335 }];
  expect(OrderInput.parse({ ...order, items, total: 1.0 }).cents).toBe(100);
  const far = OrderInput.safeParse({ ...order, items, total: 0.98 });
  expect(far.error?.issues[0]?.message).toBe('total 0.98 is not what the items cost, 1.01: correct one of them');
});

it.each([
  ['a cancellation', { orderId: 'C536379', items: [{ ...lantern, quantity: -1 }], total: -3.39 }, 'orderId', 'is a cancellation'],
  ['a return', { items: [{ ...lantern, quantity: -1 }], total: -3.39 }, 'items', 'quantity -1 of 71053 is a return'],
  ['a quantity of 0', { items: [{ ...lantern, quantity: 0 }], total: 0 }, 'items', 'order 1 or more'],
  ['an anonymous order', { customerId: null }, 'customerId', 'the order is anonymous'],
  ['an empty order', { items: [], total: 0 }, 'items', 'the order is empty'],
  ['a negative price', { items: [{ ...lantern, unitPrice: -3.39 }], total: -20.34 }, 'items', 'unitPrice -3.39 of 71053 is below 0'],
  ['a negative total', { total: -35.64 }, 'total', 'is not what the items cost, 35.64'],
])('refuses %s in one sentence', (_what, change, path, message) => {
  const { error } = OrderInput.safeParse({ ...order, ...change });
  expect(error?.issues).toHaveLength(1);
  expect(error?.issues[0]?.path).toEqual([path]);
  expect(error?.issues[0]?.message).toContain(message);
});

it.each([
  ['half a unit', { items: [{ ...lantern, quantity: 0.5 }] }],
  ['text for a price', { items: [{ ...lantern, unitPrice: '3.39' }] }],
  ['a price that is no number', { items: [{ ...lantern, unitPrice: Number.NaN }] }],
  ['a quantity beyond measure', { items: [{ ...lantern, quantity: 1e15 }] }],
  ['a day for a time', { placedAt: '1 December 2010' }],
  ['an id that is a path', { orderId: '../536365' }],
  ['no customer at all', { customerId: undefined }],
  ['a sku that no database stores', { items: [{ ...lantern, sku: 'a\u0000b' }] }],
  ['a country with half a character', { country: 'Fran\ud800e' }],
  ['more items than an order can have', { items: Array.from({ length: 1001 }, () => lantern) }],
])('refuses %s', (_what, change) => {
  expect(OrderInput.safeParse({ ...order, ...change }).success).toBe(false);
});

it('is a saga of three steps, each in its own service and each with its undo', () => {
  const { plan } = orderSaga;
  expect(plan.stages).toEqual([['create_order'], ['reserve_inventory'], ['charge_payment']]);
  expect(Object.values(plan.steps).map(({ service, kind }) => [service, kind])).toEqual([
    ['orders', 'compensatable'],
    ['inventory', 'compensatable'],
    ['payments', 'compensatable'],
  ]);
});
