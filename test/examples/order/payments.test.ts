import type { StepImplementation } from 'amends';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ServiceDatabase } from '../../../examples/order/database.ts';
import { paymentsService } from '../../../examples/order/payments.ts';
import { act, undo } from './deliveries.ts';
import { itKeepsEachEffectOnce } from './once.ts';
import { OPENING_MS, openDatabase, stores } from './stores.ts';

describe.each(stores)('payments on $store', (store) => {
  let database: ServiceDatabase;
  let payments: StepImplementation;
  beforeAll(async () => {
    database = await openDatabase(store, 'payments');
    payments = await paymentsService(database, { creditCents: 1000 });
  }, OPENING_MS);
  afterAll(() => database?.drop());

  const input = (orderId: string, cents: number, customerId = `customer-of-${orderId}`) => ({ orderId, customerId, cents });
  const inForce = async (orderId: string): Promise<number> => {
    const [row] = await database.query<{ cents: number }>(
      `select coalesce(sum(case kind when 'charge' then cents else -cents end), 0)::bigint as cents from ledger where order_id = $1`,
      [orderId],
    );
    return row?.cents ?? -1;
  };
  const used = async (customerId: string): Promise<number | undefined> =>
    (await database.query<{ used: number }>('select used_cents as used from customers where customer_id = $1', [customerId]))[0]?.used;

  itKeepsEachEffectOnce({
    service: 'payments',
    database: () => database,
    implementation: () => payments,
    input: (orderId) => input(orderId, 600),
    refused: (orderId) => input(orderId, 1001),
    exhaust: async (orderId) =>
      void (await database.query('update customers set credit_cents = used_cents where customer_id = $1', [`customer-of-${orderId}`])),
    inForce,
  });

  it('charges up to the limit and not a penny more', async () => {
    await act(payments, 's1', input('o1', 999, 'ann'));
    await expect(act(payments, 's2', input('o2', 2, 'ann'))).rejects.toThrow('£0.02 is more than is left of the credit of customer ann');
    await act(payments, 's3', input('o3', 1, 'ann'));
    expect(await used('ann')).toBe(1000);
  });

  it('gives credit back with the refund', async () => {
    await act(payments, 's4', input('o4', 800, 'ben'));
    await expect(act(payments, 's5', input('o5', 800, 'ben'))).rejects.toMatchObject({ code: 'STEP_FAILED' });
    await undo(payments, 's4', input('o4', 800, 'ben'));
    expect(await used('ben')).toBe(0);
    await act(payments, 's6', input('o6', 800, 'ben'));
    expect(await used('ben')).toBe(800);
  });

  it('refunds what was charged, whatever the compensation says', async () => {
    await act(payments, 's7', input('o7', 800, 'cat'));
    await undo(payments, 's7', input('o7', 1, 'cat'));
    expect(await inForce('o7')).toBe(0);
    expect(await used('cat')).toBe(0);
  });

  it('keeps the limit when orders of one customer come at the same time', async () => {
    const tries = await Promise.allSettled(
      Array.from({ length: 10 }, (_, n) => act(payments, `rush-${n}`, input(`rush-${n}`, 300, 'dan'))),
    );
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
    expect(await used('dan')).toBe(900);
  });

  it('charges nothing for an order that costs nothing', async () => {
    await act(payments, 's8', input('o8', 0, 'eve'));
    await undo(payments, 's8', input('o8', 0, 'eve'));
    expect(await used('eve')).toBe(0);
  });

  it('refuses a credit that makes no sense', async () => {
    await expect(paymentsService(database, { creditCents: 0.5 })).rejects.toThrow('creditCents is 0.5');
  });
});
