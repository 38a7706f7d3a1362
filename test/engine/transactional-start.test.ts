import { describe, expect, test } from 'vitest';
import { inTransaction } from '../../src/connections/sql.ts';
import { saga } from '../../src/flows/saga.ts';
import { namedStep, orderSaga, OrderInput, useBench } from './fixture.ts';

describe('start inside the caller’s SQL transaction', () => {
  const bench = useBench('postgres');

  test('S94 it runs if that commits, and leaves no trace if it rolls back', async () => {
    const definition = orderSaga(bench.ledger);
    const { sql } = await bench.store.open();
    const rolledBack = inTransaction(sql!, async (tx) => {
      await bench.amends.start(definition, { order: 'o94a' }, { id: 's94a', tx });
      throw new Error('business rule');
    });
    await expect(rolledBack).rejects.toThrow('business rule');
    await inTransaction(sql!, async (tx) => {
      await bench.amends.start(definition, { order: 'o94b' }, { id: 's94b', tx });
    });
    await bench.work([definition]);
    expect((await bench.amends.get('s94b').outcome({ timeoutMs: 15_000 })).status).toBe('completed');
    await expect(bench.amends.get('s94a').outcome({ timeoutMs: 15_000 })).rejects.toMatchObject({ code: 'TRANSACTION_NOT_FOUND' });
    expect(bench.ledger).toEqual(['reserve_stock', 'charge_card', 'create_shipment', 'send_mail']);
  });

  test('S94 so does one of fused steps, which is its root alone', async () => {
    const definition = saga({ name: 'fused', version: 1, input: OrderInput, fuse: true })
      .step(namedStep('reserve_stock', bench.ledger), ({ input }) => input)
      .step(namedStep('charge_card', bench.ledger), ({ input }) => input);
    const { sql } = await bench.store.open();
    await inTransaction(sql!, async (tx) => void (await bench.amends.start(definition, { order: 'o94c' }, { id: 's94c', tx })));
    await bench.work([definition], { sweepEveryMs: 600_000 });
    expect((await bench.amends.get('s94c').outcome({ timeoutMs: 15_000 })).status).toBe('completed');
    expect(bench.ledger).toEqual(['reserve_stock', 'charge_card']);
  });
});

describe('start inside an SQL transaction on Redis', () => {
  const bench = useBench('redis');

  test('it is refused before anything is stored', async () => {
    const definition = orderSaga(bench.ledger);
    const tx = { query: () => Promise.reject(new Error('must not be asked')) };
    await expect(bench.amends.start(definition, { order: 'x' }, { id: 'tx', tx })).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
    await expect(bench.amends.get('tx').view()).rejects.toMatchObject({ code: 'TRANSACTION_NOT_FOUND' });
  });
});
