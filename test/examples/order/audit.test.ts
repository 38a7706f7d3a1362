import type { StepImplementation } from 'amends';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { auditOrders, type AuditReport, type OrderOutcome } from '../../../examples/order/audit.ts';
import { generateOrders } from '../../../examples/order/generate.ts';
import { openOrderServices, type OrderServices } from '../../../examples/order/services.ts';
import { act, inputsOf, play, undo, untilAnswered, type Played } from './deliveries.ts';
import { OPENING_MS, stores } from './stores.ts';

const order = (orderId: string) => ({
  orderId,
  customerId: '17850',
  country: 'France',
  placedAt: '2010-12-01T08:26:00Z',
  items: [
    { sku: '71053', description: 'WHITE METAL LANTERN', quantity: 6, unitPrice: 3.39 },
    { sku: '85123A', description: 'WHITE HANGING HEART', quantity: 2, unitPrice: 2.55 },
  ],
  total: 25.44,
});

describe.each(stores)('the audit on $store', (store) => {
  let services: OrderServices;
  beforeAll(async () => {
    services = await openOrderServices(await store.location(), { hiccups: { everyNth: 3 } });
  }, OPENING_MS);
  afterAll(() => services?.drop());
  beforeEach(async () => {
    const { orders, inventory, payments } = services.databases;
    await orders.query('truncate txn_barrier, effects, orders');
    await inventory.query('truncate txn_barrier, effects, stock, movements');
    await payments.query('truncate txn_barrier, effects, customers, ledger');
  });

  const audit = (...outcomes: OrderOutcome[]): Promise<AuditReport> => auditOrders(services.databases, outcomes);
  const problems = async (...outcomes: OrderOutcome[]): Promise<string> => {
    const report = await audit(...outcomes);
    expect(report.netZero).toBe(report.problems.length === 0);
    return report.problems.join('\n');
  };
  const implementationOf = (name: string): StepImplementation => {
    const found = services.implementations.find(({ step }) => step.name === name);
    if (found === undefined) throw new Error(`no code for ${name}`);
    return found;
  };
  const complete = (orderId: string): Promise<Played> => play(services.implementations, order(orderId));
  /** Does all three steps and then undoes these, in this order, each after the clock has moved on. */
  const completeAndUndo = async (orderId: string, ...steps: string[]): Promise<OrderOutcome> => {
    await complete(orderId);
    for (const name of steps) {
      const input = inputsOf(order(orderId)).find(({ step }) => step === name)?.input;
      const from = Date.now();
      while (Date.now() <= from + 1) await new Promise(setImmediate);
      await untilAnswered(() => undo(implementationOf(name), orderId, input));
    }
    return { orderId, status: 'compensated' };
  };

  it('finds nothing wrong with orders of every fate', async () => {
    const outcomes: Played[] = [];
    for (const made of generateOrders()) outcomes.push(await play(services.implementations, made));
    const figures: Record<string, number> = {};
    for (const { status, failedAt = '' } of outcomes) figures[status + failedAt] = (figures[status + failedAt] ?? 0) + 1;
    expect(figures).toEqual({
      rejected: 8,
      compensatedcreate_order: 4,
      compensatedreserve_inventory: 4,
      compensatedcharge_payment: 8,
      completed: 36,
    });
    const report = await audit(...outcomes);
    expect(report.problems).toEqual([]);
    expect(report.netZero).toBe(true);
    expect(report.perService.orders).toEqual({ effects: 48, undone: 12, empty: 0, inForce: 36 });
    expect(report.perService.inventory).toMatchObject({ effects: 44, undone: 8 });
    expect(report.perService.payments).toMatchObject({ effects: 36, undone: 0 });
  });

  it('finds nothing wrong with an order that was undone in reverse, and with compensations of what never happened', async () => {
    const undone = await completeAndUndo('1', 'charge_payment', 'reserve_inventory', 'create_order');
    await untilAnswered(() => undo(implementationOf('charge_payment'), '2', inputsOf(order('2'))[2]?.input));
    const report = await audit(undone, { orderId: '2', status: 'compensated' });
    expect(report.problems).toEqual([]);
    expect(report.perService.payments).toEqual({ effects: 1, undone: 1, empty: 1, inForce: 0 });
  });

  it('finds a refund that is lost', async () => {
    const outcome = await completeAndUndo('1', 'charge_payment', 'reserve_inventory', 'create_order');
    await services.databases.payments.query(`delete from ledger where kind = 'refund'`);
    expect(await problems(outcome)).toContain('order 1 (compensated): refunds: 0 instead of 1');
    expect(await problems(outcome)).toContain('order 1 (compensated): cents charged: 2544 instead of 0');
    expect(await problems(outcome)).toContain('customer 17850: 0 cents of credit used, 2544 charged');
  });

  it('finds a refund that was never made', async () => {
    const outcome = await completeAndUndo('1', 'reserve_inventory', 'create_order');
    expect(await problems(outcome)).toContain('effects in payments that were not undone: 1 instead of 0');
    expect(await problems(outcome)).toContain('inventory was undone before payments');
  });

  it('finds a double charge', async () => {
    const outcome = await complete('1');
    const { payments } = services.databases;
    await payments.query(
      `insert into ledger (kind, charge_id, order_id, customer_id, cents)
       select kind, 'again', order_id, customer_id, cents from ledger`,
    );
    await payments.query('update customers set used_cents = used_cents * 2');
    expect(await problems(outcome)).toContain('order 1 (completed): charges: 2 instead of 1');
    expect(await problems(outcome)).toContain('order 1 (completed): cents charged: 5088 instead of 2544');
  });

  it('finds an effect that happened twice', async () => {
    const outcome = await complete('1');
    await services.databases.orders.query('insert into effects select * from effects');
    expect(await problems(outcome)).toBe('order 1: run had its effect in orders twice');
  });

  it('finds a charge of another amount than the order is worth', async () => {
    const outcome = await complete('1');
    await services.databases.payments.query('update ledger set cents = cents + 1');
    await services.databases.payments.query('update customers set used_cents = used_cents + 1');
    expect(await problems(outcome)).toBe('order 1 (completed): cents charged: 2545 instead of 2544');
  });

  it.each([
    [['create_order', 'reserve_inventory', 'charge_payment'], 'orders was undone before inventory'],
    [['charge_payment', 'create_order', 'reserve_inventory'], 'orders was undone before inventory'],
    [['reserve_inventory', 'charge_payment', 'create_order'], 'inventory was undone before payments'],
  ])('finds a wrong order of undoing: %j', async (steps, problem) => {
    expect(await problems(await completeAndUndo('1', ...steps))).toContain(`order 1 (compensated): ${problem}`);
  });

  it('finds an order that is left open, and units that are left reserved', async () => {
    const outcome = await completeAndUndo('1', 'charge_payment');
    const found = await problems(outcome);
    expect(found).toContain('open orders: 1 instead of 0');
    expect(found).toContain('units reserved: 8 instead of 0');
    expect(found).toMatch(/still reserved: (71053, 85123A|85123A, 71053)/);
  });

  it('finds what is missing of a completed order', async () => {
    await completeAndUndo('1', 'charge_payment');
    expect(await problems({ orderId: '1', status: 'completed' })).toContain('effects in payments that were not undone: 0 instead of 1');
    expect(await problems({ orderId: '1', status: 'completed' }, { orderId: '2', status: 'completed' })).toContain('order 2 (completed)');
  });

  it('finds effects of an order that was never started', async () => {
    await complete('1');
    expect(await problems()).toContain('order 1 (never started): open orders: 1 instead of 0');
    expect(await problems({ orderId: '1', status: 'rejected' })).toContain('order 1 (rejected)');
  });

  it('finds stock that has vanished and credit that is used twice', async () => {
    const outcome = await complete('1');
    await services.databases.inventory.query(`update stock set available = available - 1 where sku = '71053'`);
    await services.databases.payments.query('update customers set used_cents = used_cents + 5');
    const found = await problems(outcome);
    expect(found).toContain("sku 71053: 193 in stock and 6 reserved don't make 200");
    expect(found).toContain('customer 17850: 2549 cents of credit used, 2544 charged');
    expect(found).toContain('2549 cents of credit are used, but the completed orders were charged 2544');
  });

  it('finds units that moved from one sku to another', async () => {
    const outcome = await completeAndUndo('1', 'charge_payment', 'reserve_inventory', 'create_order');
    await services.databases.inventory.query(`update movements set sku = '71053' where units = -2`);
    expect(await problems(outcome)).toContain('still reserved: ');
  });

  it('does not judge an order that has not ended', async () => {
    await complete('1');
    expect(await problems({ orderId: '1', status: 'stuck' })).toContain(
      "order 1 is stuck: it has not ended, so its effects can't be judged",
    );
  });

  it('knows a second saga for the same number from a second effect', async () => {
    const first = await complete('1');
    const again = act(implementationOf('create_order'), 'another-saga', inputsOf(order('1'))[0]?.input);
    await expect(again).rejects.toThrow('is taken');
    expect(await problems(first, { orderId: '1', status: 'compensated' })).toBe('');
    expect(await problems(first, { orderId: '1', status: 'completed' })).toContain('order 1 (completed, completed): ');
  });
});
