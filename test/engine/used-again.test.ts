import { afterEach, describe, expect, test, vi } from 'vitest';
import { engineOf } from '../../src/amends.ts';
import { STORE_KINDS } from '../support/stores.ts';
import { gate, orderSaga, useBench } from './fixture.ts';

/** Its jobs are there still when the id is used again: they are put back at once, and not after seconds. */
const EAGER = { sweepEveryMs: 200, overdueAfterMs: 300 };
const AN_HOUR_MS = 3_600_000;

afterEach(() => {
  vi.restoreAllMocks();
});

describe.each(STORE_KINDS)('an id that is used again when its transaction was removed, on %s', (kind) => {
  const bench = useBench(kind);

  test('begins anew, also for a process that remembers what was removed', async () => {
    const other = await bench.other();
    const engine = engineOf(bench.amends);
    const charging = gate();
    const charged = gate();
    const charges: string[] = [];
    const definition = orderSaga(bench.ledger, {
      charge_card: {
        async run({ input }) {
          charges.push(input.order);
          charging.open();
          await charged.opened;
        },
      },
    });
    const worker = other.worker({ sagas: [definition] });
    await worker.run();
    const first = await other.start(definition, { order: 'first' }, { id: 'monthly' });
    await charging.opened;
    await engine.transactions.load('monthly'); // in its middle: of its end this process doesn't hear
    charged.open();
    expect(await first.outcome({ timeoutMs: 20_000 })).toMatchObject({ status: 'completed', output: { ref: 'create_shipment/first' } });
    await worker.close();
    expect(await engine.journal.purge({ endedBeforeMs: engine.clock.nowMs() + AN_HOUR_MS, limit: 10 })).toBe(1);

    const { now } = Date;
    vi.spyOn(Date, 'now').mockImplementation(() => now() + AN_HOUR_MS);
    await bench.work([definition], EAGER);
    const second = await other.start(definition, { order: 'second' }, { id: 'monthly' });
    const ended = { status: 'completed', output: { ref: 'create_shipment/second' } };
    expect(await second.outcome({ timeoutMs: 30_000 })).toMatchObject(ended);
    expect(await bench.amends.get('monthly').outcome({ timeoutMs: 20_000 })).toMatchObject(ended);
    expect(charges).toEqual(['first', 'second']);
    const steps = ['reserve_stock', 'charge_card', 'create_shipment', 'send_mail'];
    expect(bench.ledger).toEqual([...steps, ...steps]);
  });
});
