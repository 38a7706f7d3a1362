import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { engineOf, type Amends } from '../../src/amends.ts';
import { connectTo, gate } from '../engine/fixture.ts';
import { eventually } from '../support/eventually.ts';
import { useStore } from '../support/stores.ts';
import { judge } from './judge.ts';
import { guardedOrders, Participants, type Before } from './participants.ts';
import { FaultProxy } from './proxy.ts';

describe.each(['redis', 'postgres'] as const)('closing on %s', (kind) => {
  const store = useStore(kind);
  let direct: Amends;
  let proxied: Amends;
  let proxy: FaultProxy;

  beforeEach(async () => {
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

  test('S106 a consumer whose store is away gives up what it has in work, and another one gets it', async () => {
    const root = { queue: 'saga-order', jobId: 'root.1', message: { transaction: '1', saga: 'order' } };
    const limits = { concurrency: 1, lockMs: 1_000, stallCheckMs: 500, onError: () => undefined };
    const began = gate();
    const finish = gate();
    await engineOf(direct).queues.addRoot(root);
    const cutOff = await engineOf(proxied).queues.consume(
      root.queue,
      async () => {
        began.open();
        await finish.opened;
        return { kind: 'done', value: 'never heard' };
      },
      limits,
    );
    await began.opened;
    proxy.refuse();
    await eventually(() => expect(proxy.counts.refused).toBeGreaterThan(0));
    const closed = cutOff.close();
    finish.open();
    await closed;

    const deliveries: number[] = [];
    const other = await engineOf(direct).queues.consume(
      root.queue,
      async (delivery) => {
        deliveries.push(delivery.deliveries);
        return { kind: 'done', value: 'heard' };
      },
      limits,
    );
    await eventually(async () => expect(await engineOf(direct).queues.stateOf(root)).toBe('completed'));
    expect(deliveries).toEqual([2]);
    await other.close();
  });

  test.each(['refuse', 'freeze'] as const)(
    'S106 a worker that is closed in mid-run while its store is away (%s) ends in time, and nothing is lost',
    { timeout: 60_000 },
    async (fault) => {
      const participants = new Participants();
      const begun = gate();
      const finish = gate();
      let calls = 0;
      const before: Before = async ({ step }) => {
        if (step !== 'charge_card' || calls++ > 0) return;
        begun.open();
        await finish.opened;
      };
      const definition = guardedOrders(participants, before);
      const limits = { lockMs: 2_000, stallCheckMs: 1_000 };
      await proxied.worker({ sagas: [definition], ...limits }).run();
      const { id } = await direct.start(definition, { order: 'o' });
      await begun.opened;
      proxy[fault]();
      finish.open(); // the action ends, and its result can't be told
      await eventually(() => expect(participants.effectsFor(id)).toEqual(['reserve_stock', 'charge_card']));
      await eventually(() => expect(fault === 'refuse' ? proxy.counts.refused : proxy.counts.held).toBeGreaterThan(0));
      const from = performance.now();
      await proxied.close();
      expect(performance.now() - from).toBeLessThan(15_000);

      await direct.worker({ sagas: [definition], ...limits }).run();
      expect((await direct.get(id).outcome({ timeoutMs: 20_000 })).status).toBe('completed');
      judge(definition, participants, id, await engineOf(direct).journal.read(id));
      expect(participants.repeated).toBe(1);
    },
  );
});
