import type { StepImplementation } from 'amends';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ServiceDatabase } from '../../../examples/order/database.ts';
import { ordersService } from '../../../examples/order/orders.ts';
import { act, undo } from './deliveries.ts';
import { itKeepsEachEffectOnce } from './once.ts';
import { OPENING_MS, openDatabase, stores } from './stores.ts';

describe.each(stores)('orders on $store', (store) => {
  let database: ServiceDatabase;
  let orders: StepImplementation;
  beforeAll(async () => {
    database = await openDatabase(store, 'orders');
    orders = await ordersService(database);
  }, OPENING_MS);
  afterAll(() => database?.drop());

  const input = (orderId: string, country = 'France') => ({
    orderId,
    customerId: '17850',
    country,
    placedAt: '2010-12-01T08:26:00Z',
    units: 6,
    cents: 1530,
  });
  const inForce = async (orderId: string): Promise<number> =>
    (await database.query(`select 1 from orders where order_id = $1 and status = 'open'`, [orderId])).length;

  itKeepsEachEffectOnce({
    service: 'orders',
    database: () => database,
    implementation: () => orders,
    input,
    refused: (orderId) => input(orderId, 'Norway'),
    exhaust: () => Promise.resolve(), // its number is taken, by itself
    inForce,
  });

  it('refuses a country it does not ship to', async () => {
    await expect(act(orders, 's1', input('far', 'Australia'))).rejects.toThrow('not shipped to Australia');
    const everywhere = await ordersService(database, { shipsTo: ['Australia'] });
    expect(await act(everywhere, 's2', input('far', 'Australia'))).toEqual({ orderId: 'far' });
  });

  it('refuses a number that another order has, open or cancelled', async () => {
    await act(orders, 'first', input('taken'));
    await expect(act(orders, 'second', input('taken'))).rejects.toThrow('order number taken is taken');
    await undo(orders, 'second', input('taken'));
    expect(await inForce('taken')).toBe(1);
    await undo(orders, 'first', input('taken'));
    await expect(act(orders, 'third', input('taken'))).rejects.toMatchObject({ code: 'STEP_FAILED' });
  });

  it('gives a number to one of ten sagas that want it', async () => {
    const tries = await Promise.allSettled(Array.from({ length: 10 }, (_, n) => act(orders, `rival-${n}`, input('wanted'))));
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await inForce('wanted')).toBe(1);
  });

  it('does not call it undone when the order was closed by somebody else', async () => {
    await act(orders, 'closed', input('closed'));
    await database.query(`update orders set status = 'cancelled' where order_id = 'closed'`);
    await expect(undo(orders, 'closed', input('closed'))).rejects.toThrow('find out who closed it');
  });
});
