import { describe, expect, test } from 'vitest';
import { engineOf } from '../../src/amends.ts';
import { StepFailed } from '../../src/errors.ts';
import { rootJobId } from '../../src/queues/names.ts';
import { eventually } from '../support/eventually.ts';
import { STORE_KINDS } from '../support/stores.ts';
import { gate, orderSaga, useBench, type Behaviour, type Ledger } from './fixture.ts';

const refuse: Behaviour = {
  run() {
    throw new StepFailed('no carrier');
  },
};
const broken: Behaviour = {
  undoRetry: { attempts: 1 },
  compensate() {
    throw new Error('refund service gone');
  },
};

/** Its second step can't be undone. */
function stuckSaga(ledger: Ledger) {
  return orderSaga(ledger, { charge_card: broken, create_shipment: refuse });
}

describe.each(STORE_KINDS)('repair on %s', (kind) => {
  const bench = useBench(kind);

  const rootEnds = (id: string): Promise<void> =>
    eventually(async () => {
      const { queues } = engineOf(bench.amends);
      expect(await queues.stateOf({ queue: 'saga-order', jobId: rootJobId(id) })).toBe('completed');
    });

  test('S16 a stuck undo is skipped with a reason: the rest is undone, and what is left behind is listed', async () => {
    const definition = stuckSaga(bench.ledger);
    await bench.work([definition]);
    const run = await bench.amends.start(definition, { order: 'o16' });
    expect((await run.outcome({ timeoutMs: 15_000 })).status).toBe('stuck');
    await expect(run.skip('charge_card', { reason: ' ' })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await expect(run.skip('reserve_stock', { reason: 'x' })).rejects.toMatchObject({ code: 'NOT_ALLOWED' });

    await (await bench.other()).get(run.id).skip('charge_card', { reason: 'refunded by hand', by: 'ann' });
    await eventually(async () => expect((await run.view()).status).toBe('terminated'));
    expect(bench.ledger).toEqual(['reserve_stock', 'charge_card', '-reserve_stock']);
    expect(await run.outcome()).toMatchObject({
      status: 'terminated',
      failedStep: 'create_shipment',
      notCompensated: ['charge_card'],
      reason: { message: 'terminated by ann: refunded by hand' },
    });
    await expect(run.result()).rejects.toMatchObject({ code: 'SAGA_TERMINATED' });
    await rootEnds(run.id);
  });

  test('S17 a stuck saga is terminated: nothing more is undone, the leftovers are listed, and its jobs are gone', async () => {
    const definition = stuckSaga(bench.ledger);
    await bench.work([definition]);
    const run = await bench.amends.start(definition, { order: 'o17' });
    expect((await run.outcome({ timeoutMs: 15_000 })).status).toBe('stuck');
    await expect(run.terminate({ reason: '' })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    expect(await run.terminate({ reason: 'settled in court', by: 'ann' })).toEqual(['reserve_stock', 'charge_card']);
    expect((await run.outcome({ timeoutMs: 15_000 })).status).toBe('terminated');
    expect(bench.ledger).toEqual(['reserve_stock', 'charge_card']);
    await expect(run.terminate({ reason: 'again' })).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
    expect(await run.cancel()).toBe(false);
    await rootEnds(run.id);
  });

  test('S74 a running saga is terminated: the action in work is told to stop, its late result is recorded and not used, nothing is undone', async () => {
    const begun = gate();
    const definition = orderSaga(bench.ledger, {
      charge_card: {
        async run({ signal }) {
          begun.open();
          await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
        },
      },
    });
    await bench.work([definition]);
    const run = await bench.amends.start(definition, { order: 'o74' });
    await begun.opened;
    const left = await (await bench.other()).get(run.id).terminate({ reason: 'wrong shop', by: 'ann' });
    expect(left).toEqual(['reserve_stock', 'charge_card']);
    expect(await run.outcome({ timeoutMs: 15_000 })).toMatchObject({ status: 'terminated', notCompensated: left });
    await eventually(async () => expect((await run.history()).map(({ event }) => event.type)).toContain('late_result'));
    expect(bench.ledger).toEqual(['reserve_stock', 'charge_card']);
    expect((await run.view()).status).toBe('terminated');
    await rootEnds(run.id);
  });
});
