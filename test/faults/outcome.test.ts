import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Amends } from '../../src/amends.ts';
import { connectTo, gate, orderSaga, type Ledger } from '../engine/fixture.ts';
import { eventually } from '../support/eventually.ts';
import { useStore } from '../support/stores.ts';
import { FaultProxy } from './proxy.ts';

describe.each(['redis', 'postgres'] as const)('waiting for an outcome while %s is away', (kind) => {
  const store = useStore(kind);
  let direct: Amends;
  let proxied: Amends;
  let proxy: FaultProxy;
  let ledger: Ledger;

  beforeEach(async () => {
    ledger = [];
    direct = await connectTo(store);
    proxy = await FaultProxy.before(store.url);
    proxied = await connectTo({ ...store, url: proxy.url });
  });
  afterEach(async () => {
    proxy.pass();
    await proxied.close();
    await direct.close();
    await proxy.close();
  });

  test('S106 it goes on waiting, and has the outcome when the store is back: of what ended meanwhile, and of what ends later', async () => {
    const finish = gate();
    const definition = orderSaga(ledger, { charge_card: { run: () => finish.opened } });
    const early = await proxied.start(definition, { order: 'early' });
    const late = await proxied.start(definition, { order: 'late' });
    const patient = early.outcome();
    // Asked when it is away already: nothing listens yet on this connection.
    proxy.refuse();
    await eventually(() => expect(proxy.counts.refused).toBeGreaterThan(2));
    const hopeful = late.outcome();
    await direct.worker({ sagas: [definition] }).run();
    finish.open();
    for (const { id } of [early, late]) await direct.get(id).outcome({ timeoutMs: 15_000 });
    const refused = proxy.counts.refused;
    await eventually(() => expect(proxy.counts.refused).toBeGreaterThan(refused + 2));
    proxy.pass();
    expect((await patient).status).toBe('completed');
    expect((await hopeful).status).toBe('completed');
    // And a saga that ends after that is heard of as ever.
    const after = await proxied.start(definition, { order: 'after' });
    expect((await after.outcome({ timeoutMs: 15_000 })).status).toBe('completed');
  });

  test.each(['refuse', 'freeze'] as const)('S106 its time-out, its signal and a close still end it (%s)', async (fault) => {
    const run = await proxied.start(orderSaga(ledger), { order: 'o' });
    proxy[fault]();
    const began = performance.now();
    await expect(run.outcome({ timeoutMs: 700 })).rejects.toMatchObject({ code: 'OUTCOME_TIMEOUT' });
    expect(performance.now() - began).toBeLessThan(3_000);
    expect(fault === 'refuse' ? proxy.counts.refused : proxy.counts.held).toBeGreaterThan(0);
    await expect(run.outcome({ signal: AbortSignal.timeout(300) })).rejects.toMatchObject({ name: 'TimeoutError' });
    const closed = run.outcome().catch((error: unknown) => error);
    if (fault === 'freeze') proxy.cut();
    await proxied.close();
    expect(await closed).toMatchObject({ code: 'CLOSED' });
  });
});
