import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { STORE_KINDS } from '../support/stores.ts';
import { gate, orderSaga, useBench } from './fixture.ts';

describe.each(STORE_KINDS)('unknown outcomes on %s', (kind) => {
  const bench = useBench(kind);

  test('S08 S60 a step times out each time and lands later: undone, signal fired each time, late answer recorded and not used', async () => {
    const late = gate();
    const fired: boolean[] = [];
    const saga = orderSaga(bench.ledger, {
      charge_card: {
        timeoutMs: 60,
        retry: { attempts: 2 },
        async run({ signal }) {
          signal.addEventListener('abort', () => fired.push(true));
          await late.opened; // deaf to its signal
        },
      },
    });
    await bench.work([saga]);
    const run = await bench.amends.start(saga, { order: 'o8' });
    expect(await run.outcome({ timeoutMs: 15_000 })).toMatchObject({
      status: 'compensated',
      failedStep: 'charge_card',
      reason: { code: 'STEP_TIMED_OUT' },
    });
    expect(fired).toEqual([true, true]);
    expect(bench.ledger).toEqual(['reserve_stock', '-charge_card', '-reserve_stock']);
    late.open();
    await eventually(async () => {
      const types = (await run.history()).map(({ event }) => event.type);
      expect(types.filter((type) => type === 'late_result')).toHaveLength(2);
    });
    expect((await run.view()).status).toBe('compensated');
  });

  test('S32 a pivot that times out lands later: it stays stuck with that on record, and a retry goes on with its result', async () => {
    const late = gate();
    let asked = 0;
    const saga = orderSaga(
      bench.ledger,
      {
        create_shipment: {
          timeoutMs: 60,
          retry: { attempts: 1 },
          use: { pivot: true },
          async run() {
            if (++asked === 1) await late.opened; // deaf to its signal
          },
        },
      },
      { version: 2 },
    );
    await bench.work([saga]);
    const run = await bench.amends.start(saga, { order: 'o32' });
    expect(await run.outcome({ timeoutMs: 15_000 })).toMatchObject({ status: 'stuck', failedStep: 'create_shipment' });
    late.open();
    await eventually(async () => expect((await run.history()).map(({ event }) => event.type)).toContain('late_result'));
    expect((await run.view()).status).toBe('stuck');
    await run.retry();
    expect(await run.outcome({ timeoutMs: 15_000 })).toMatchObject({ status: 'completed', output: { ref: 'create_shipment/o32' } });
  });

  test('S10 a timeout and verify says done: forward without a second effect', async () => {
    const saga = orderSaga(bench.ledger, {
      charge_card: {
        timeoutMs: 60,
        async run() {
          bench.ledger.push('charge_card sent');
          await gate().opened;
        },
        verify: () => ({ ref: 'found' }),
      },
    });
    await bench.work([saga]);
    const run = await bench.amends.start(saga, { order: 'o10' });
    expect((await run.outcome({ timeoutMs: 15_000 })).status).toBe('completed');
    expect(bench.ledger).toEqual(['reserve_stock', 'charge_card sent', 'create_shipment', 'send_mail']);
    expect((await run.view()).steps[1]?.result).toEqual({ ref: 'found' });
  });

  test('S11 S12 verify says not done, or fails: tried again under the same key', async () => {
    const keys: string[] = [];
    let asked = 0;
    const saga = orderSaga(bench.ledger, {
      charge_card: {
        run({ idempotencyKey, attempt }) {
          keys.push(idempotencyKey);
          if (attempt < 3) throw new Error('connection reset');
        },
        verify() {
          if (asked++ === 0) return 'not-done';
          throw new Error('verification is away');
        },
      },
    });
    await bench.work([saga]);
    const run = await bench.amends.start(saga, { order: 'o11' });
    expect((await run.outcome({ timeoutMs: 15_000 })).status).toBe('completed');
    expect(new Set(keys).size).toBe(1);
    expect(keys).toHaveLength(3);
    expect(bench.ledger).toEqual(['reserve_stock', 'charge_card', 'create_shipment', 'send_mail']);
  });
});
