import type { StepImplementation } from 'amends';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ServiceDatabase } from '../../../examples/order/database.ts';
import { inventoryService } from '../../../examples/order/inventory.ts';
import { act, undo } from './deliveries.ts';
import { itKeepsEachEffectOnce } from './once.ts';
import { OPENING_MS, openDatabase, stores } from './stores.ts';

describe.each(stores)('inventory on $store', (store) => {
  let database: ServiceDatabase;
  let inventory: StepImplementation;
  beforeAll(async () => {
    database = await openDatabase(store, 'inventory');
    inventory = await inventoryService(database, { unitsPerSku: 10 });
  }, OPENING_MS);
  afterAll(() => database?.drop());

  const input = (orderId: string, ...lines: (readonly [sku: string, quantity: number])[]) => ({
    orderId,
    lines: lines.map(([sku, quantity]) => ({ sku, quantity })),
  });
  const inForce = async (orderId: string): Promise<number> => {
    const [row] = await database.query<{ units: number }>(
      'select coalesce(sum(units), 0)::bigint as units from movements where order_id = $1',
      [orderId],
    );
    return row?.units ?? -1;
  };
  const available = async (...skus: string[]): Promise<number[]> => {
    const rows = await database.query<{ sku: string; available: number }>('select sku, available from stock where sku = any ($1)', [skus]);
    return skus.map((sku) => rows.find((row) => row.sku === sku)?.available ?? -1);
  };

  itKeepsEachEffectOnce({
    service: 'inventory',
    database: () => database,
    implementation: () => inventory,
    input: (orderId) => input(orderId, [`a-${orderId}`, 2], [`b-${orderId}`, 3]),
    refused: (orderId) => input(orderId, [`a-${orderId}`, 11]),
    exhaust: async (orderId) => void (await database.query('update stock set available = 0 where sku = $1', [`a-${orderId}`])),
    inForce,
  });

  it('reserves all items of an order or none', async () => {
    await act(inventory, 's1', input('o1', ['lantern', 7], ['towel', 1]));
    expect(await available('lantern', 'towel')).toEqual([3, 9]);
    const greedy = input('o2', ['towel', 2], ['lantern', 4], ['new', 1]);
    await expect(act(inventory, 's2', greedy)).rejects.toThrow('out of stock: there are 3 of 4 lantern');
    expect(await available('lantern', 'towel')).toEqual([3, 9]);
    expect(await inForce('o2')).toBe(0);
    await undo(inventory, 's1', input('o1', ['lantern', 7], ['towel', 1]));
    expect(await available('lantern', 'towel')).toEqual([10, 10]);
    await act(inventory, 's3', greedy);
    expect(await available('lantern', 'towel', 'new')).toEqual([6, 8, 9]);
  });

  it('adds up the lines with the same sku', async () => {
    await act(inventory, 's4', input('o4', ['doormat', 4], ['doormat', 5]));
    expect(await available('doormat')).toEqual([1]);
    await expect(act(inventory, 's5', input('o5', ['clock', 6], ['clock', 5]))).rejects.toThrow('10 of 11 clock');
  });

  it('says how many more are short', async () => {
    const lines = ['v', 'w', 'x', 'y', 'z'].map((sku) => [sku, 99] as const);
    await expect(act(inventory, 's6', input('o6', ...lines))).rejects.toThrow('10 of 99 v, 10 of 99 w, 10 of 99 x and 2 more');
  });

  it('never promises more than there is, and never deadlocks, when orders want the same skus in another order', async () => {
    const skus = ['Jam', 'jam', 'cake', 'lunch'];
    const orders = Array.from({ length: 20 }, (_, n) => {
      const turned = [...skus.slice(n % 4), ...skus.slice(0, n % 4)];
      return input(`crowd-${n}`, ...turned.map((sku) => [sku, 1] as const));
    });
    const tries = await Promise.allSettled(orders.map((order, n) => act(inventory, `crowd-${n}`, order)));
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(10);
    const refusals = tries.flatMap((attempt) => (attempt.status === 'rejected' ? [attempt.reason as unknown] : []));
    for (const refusal of refusals) expect(refusal).toMatchObject({ code: 'STEP_FAILED' });
    expect(await available(...skus)).toEqual([0, 0, 0, 0]);
    await Promise.all(orders.map((order, n) => undo(inventory, `crowd-${n}`, order)));
    expect(await available(...skus)).toEqual([10, 10, 10, 10]);
  });

  it('refuses a stock that makes no sense', async () => {
    await expect(inventoryService(database, { unitsPerSku: -1 })).rejects.toThrow('unitsPerSku is -1');
  });
});
