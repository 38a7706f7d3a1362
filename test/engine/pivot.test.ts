import { describe, expect, test } from 'vitest';
import { StepFailed } from '../../src/errors.ts';
import { eventually } from '../support/eventually.ts';
import { STORE_KINDS } from '../support/stores.ts';
import { gate, orderSaga, useBench, type Behaviour } from './fixture.ts';

const PIVOT: Behaviour = { use: { pivot: true } };
const SHIP: Behaviour = { use: { retriable: true } };

describe.each(STORE_KINDS)('pivot on %s', (kind) => {
  const bench = useBench(kind);

  test('S30 a retriable step after the pivot fails 50 times: never undone, then completes', async () => {
    const saga = orderSaga(bench.ledger, {
      charge_card: PIVOT,
      create_shipment: {
        ...SHIP,
        retry: { attempts: 5, delayMs: 0 },
        run({ attempt }) {
          if (attempt <= 50) throw new StepFailed(`no carrier ${attempt}`);
        },
      },
    });
    await bench.work([saga]);
    const run = await bench.amends.start(saga, { order: 'o30' });
    expect((await run.outcome({ timeoutMs: 25_000 })).status).toBe('completed');
    expect(bench.ledger).toEqual(['reserve_stock', 'charge_card', 'create_shipment', 'send_mail']);
    const types = (await run.history()).map(({ event }) => event.type);
    expect(types.filter((type) => type === 'step_overdue')).toHaveLength(1);
    expect(types.filter((type) => type === 'attempt_failed')).toHaveLength(50);
  });

  test('S31 the pivot fails definitely: the steps before it are undone', async () => {
    const failing: Behaviour = {
      ...PIVOT,
      run() {
        throw new StepFailed('card declined');
      },
    };
    const saga = orderSaga(bench.ledger, { charge_card: failing, create_shipment: SHIP });
    await bench.work([saga]);
    const outcome = await (await bench.amends.start(saga, { order: 'o31' })).outcome({ timeoutMs: 15_000 });
    expect(outcome).toMatchObject({ status: 'compensated', failedStep: 'charge_card' });
    expect(bench.ledger).toEqual(['reserve_stock', '-reserve_stock']);
  });

  test('S32 the pivot stays unknown: stuck with nothing undone, and a retry that finds out goes on', async () => {
    let broken = true;
    const saga = orderSaga(bench.ledger, {
      charge_card: {
        ...PIVOT,
        run() {
          if (broken) throw new Error('connection reset');
        },
      },
      create_shipment: SHIP,
    });
    await bench.work([saga]);
    const run = await bench.amends.start(saga, { order: 'o32' });
    expect(await run.outcome({ timeoutMs: 15_000 })).toMatchObject({ status: 'stuck', failedStep: 'charge_card' });
    expect(bench.ledger).toEqual(['reserve_stock']);
    broken = false;
    await run.retry();
    await eventually(async () => expect((await run.view()).status).toBe('completed'));
    expect(bench.ledger).toEqual(['reserve_stock', 'charge_card', 'create_shipment', 'send_mail']);
  });

  test('S33 a cancel after the pivot is refused', async () => {
    const shipping = gate();
    const saga = orderSaga(bench.ledger, { charge_card: PIVOT, create_shipment: { ...SHIP, run: () => shipping.opened } });
    await bench.work([saga]);
    const run = await bench.amends.start(saga, { order: 'o33' });
    await eventually(() => expect(bench.ledger).toContain('charge_card'));
    await eventually(async () => expect((await run.view()).steps[1]?.status).toBe('succeeded'));
    await expect(run.cancel({ reason: 'changed my mind' })).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
    shipping.open();
    expect((await run.outcome({ timeoutMs: 15_000 })).status).toBe('completed');
  });
});
