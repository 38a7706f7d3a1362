import { expect, it } from 'vitest';
import { OrderInput, RetailOrder } from '../../../examples/order/contracts.ts';
import { generateOrders } from '../../../examples/order/generate.ts';

it('makes the same orders of the same seed, and others of another', () => {
  expect([...generateOrders({ seed: 7 })]).toEqual([...generateOrders({ seed: 7 })]);
  expect([...generateOrders({ seed: 7 })]).not.toEqual([...generateOrders({ seed: 8 })]);
});

it('makes 60 orders in the shape of the till, each with a number of its own', () => {
  const orders = [...generateOrders()];
  expect(orders).toHaveLength(60);
  expect(new Set(orders.map(({ orderId }) => orderId)).size).toBe(60);
  for (const order of orders) expect(RetailOrder.parse(order)).toEqual(order);
});

it('makes some that the schema refuses: cancellations and anonymous ones', () => {
  const refused = [...generateOrders()].filter((order) => !OrderInput.safeParse(order).success);
  expect(refused.filter(({ orderId }) => orderId.startsWith('C'))).toHaveLength(4);
  expect(refused.filter(({ customerId }) => customerId === null)).toHaveLength(4);
  expect(refused).toHaveLength(8);
});

it('counts on from the first number it is given', () => {
  expect([...generateOrders({ count: 2, firstNumber: 42 })].map(({ orderId }) => orderId)).toEqual(['42', '43']);
});

it.each([{ count: -1 }, { count: 1.5 }, { seed: Number.NaN }, { firstNumber: -1 }])('refuses %j', (options) => {
  expect(() => [...generateOrders(options)]).toThrow('give a whole number');
});
