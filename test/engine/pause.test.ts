import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { STORE_KINDS } from '../support/stores.ts';
import { gate, orderSaga, useBench } from './fixture.ts';

describe.each(STORE_KINDS)('pause on %s', (kind) => {
  const bench = useBench(kind);

  test('S75 a paused saga finishes what is in work and begins nothing new until it is resumed, by whatever process', async () => {
    const begun = gate();
    const finish = gate();
    const definition = orderSaga(bench.ledger, {
      charge_card: {
        async run() {
          begun.open();
          await finish.opened;
        },
      },
    });
    await bench.work([definition]);
    const run = await bench.amends.start(definition, { order: 'o75' });
    await begun.opened;
    const elsewhere = (await bench.other()).get(run.id);
    expect(await elsewhere.pause({ by: 'ann', reason: 'stock-taking' })).toBe(true);
    expect(await elsewhere.pause()).toBe(false);
    finish.open();
    await eventually(async () => expect((await run.view()).steps[1]?.status).toBe('succeeded'));
    await delay(300); // long enough for the next step to begin, if it wrongly did
    expect((await run.view()).status).toBe('paused');
    expect(bench.ledger).toEqual(['reserve_stock', 'charge_card']);
    expect((await bench.amends.list({ status: ['paused'] })).transactions.map(({ id }) => id)).toContain(run.id);

    expect(await elsewhere.resume({ by: 'ann' })).toBe(true);
    expect(await elsewhere.resume()).toBe(false);
    expect((await run.outcome({ timeoutMs: 15_000 })).status).toBe('completed');
    expect(bench.ledger).toEqual(['reserve_stock', 'charge_card', 'create_shipment', 'send_mail']);
    const asked = (await run.history()).flatMap(({ event }) => (event.type === 'saga_paused' ? [event.data] : []));
    expect(asked).toEqual([{ by: 'ann', reason: 'stock-taking' }]);
  });

  test('S75 a saga that is paused before any worker takes it waits, and a cancel ends the pause', async () => {
    const definition = orderSaga(bench.ledger);
    const [kept, dropped] = [await bench.amends.start(definition, { order: 'a' }), await bench.amends.start(definition, { order: 'b' })];
    expect(await kept.pause()).toBe(true);
    expect(await dropped.pause()).toBe(true);
    await bench.work([definition]);
    await delay(300);
    expect(bench.ledger).toEqual([]);
    expect(await dropped.cancel()).toBe(true);
    expect((await dropped.outcome({ timeoutMs: 15_000 })).status).toBe('compensated');
    expect(bench.ledger).toEqual([]);
    expect(await kept.resume()).toBe(true);
    expect((await kept.outcome({ timeoutMs: 15_000 })).status).toBe('completed');
    expect(bench.ledger).toHaveLength(4);
  });
});
