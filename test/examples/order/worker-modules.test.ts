import { randomUUID } from 'node:crypto';
import type { StepImplementation } from 'amends';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { orderSaga } from '../../../examples/order/contracts.ts';
import { locationFrom, serviceOptionsFrom } from '../../../examples/order/environment.ts';
import { openOrderServices, type ServicesLocation } from '../../../examples/order/services.ts';
import { act, inputsOf } from './deliveries.ts';
import { OPENING_MS, stores } from './stores.ts';

interface WorkerModule {
  readonly sagas: readonly unknown[];
  readonly implementations: readonly StepImplementation[];
  close(): Promise<void>;
}

const [store] = stores.slice(-1); // the server when there is one: embedded databases take seconds to create
let location: ServicesLocation;
beforeAll(async () => {
  if (store === undefined) throw new Error('no store');
  location = await store.location();
  process.env['ORDER_DATABASE_URL'] = 'url' in location ? location.url : '';
  process.env['ORDER_SCHEMA_PREFIX'] = 'url' in location ? location.schemaPrefix : '';
  process.env['ORDER_DATA_DIR'] = 'folder' in location ? location.folder : '';
  process.env['ORDER_UNITS_PER_SKU'] = '3';
});
afterAll(async () => {
  const services = await openOrderServices(location);
  await services.drop();
}, OPENING_MS);

it(
  'each service has a module of its own for amends worker, and all three together have one',
  async () => {
    const modules: WorkerModule[] = [
      await import('../../../examples/order/orders-worker.ts'),
      await import('../../../examples/order/inventory-worker.ts'),
      await import('../../../examples/order/payments-worker.ts'),
    ];
    expect(modules.map(({ implementations }) => implementations.map(({ step }) => step.service))).toEqual([
      ['orders'],
      ['inventory'],
      ['payments'],
    ]);
    const [, inventory] = modules;
    const order = {
      orderId: randomUUID(),
      customerId: '1',
      country: 'France',
      placedAt: '2010-12-01T08:26:00Z',
      items: [{ sku: 'a', description: 'A', quantity: 4, unitPrice: 1 }],
      total: 4,
    };
    const refused = inventory?.implementations.map((implementation) => act(implementation, 's1', inputsOf(order)[1]?.input)) ?? [];
    await expect(Promise.all(refused)).rejects.toThrow('3 of 4 a');
    await Promise.all(modules.map((module) => module.close()));

    // They have let go of their databases.
    const all: WorkerModule = await import('../../../examples/order/order-worker.ts');
    expect(all.implementations.map(({ step }) => step.service)).toEqual(['orders', 'inventory', 'payments']);
    for (const module of [...modules, all]) expect(module.sagas).toEqual([orderSaga]);
    await all.close();
  },
  OPENING_MS,
);

it('the environment says where the databases are and which rules hold', () => {
  expect(locationFrom({})).toEqual({ folder: '.amends/order-example' });
  expect(locationFrom({ ORDER_DATA_DIR: '/data', ORDER_DATABASE_URL: '' })).toEqual({ folder: '/data' });
  expect(locationFrom({ ORDER_DATA_DIR: '/data', ORDER_DATABASE_URL: 'postgres://db' })).toEqual({ url: 'postgres://db' });
  expect(locationFrom({ ORDER_DATABASE_URL: 'postgres://db', ORDER_SCHEMA_PREFIX: 'mine_' })).toEqual({
    url: 'postgres://db',
    schemaPrefix: 'mine_',
  });
  expect(serviceOptionsFrom({})).toEqual({ hiccups: { everyNth: 0 } });
  expect(serviceOptionsFrom({ ORDER_CREDIT_CENTS: '500', ORDER_HICCUP_EVERY: '5', ORDER_HICCUP_SEED: '2' })).toEqual({
    creditCents: 500,
    hiccups: { everyNth: 5, seed: 2 },
  });
  expect(() => serviceOptionsFrom({ ORDER_HICCUP_EVERY: '-1' })).toThrow('ORDER_HICCUP_EVERY is "-1"');
});
