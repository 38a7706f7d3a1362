import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { engineOf } from '../../src/amends.ts';
import { saga } from '../../src/flows/saga.ts';
import { operationJobId } from '../../src/queues/names.ts';
import { Sweeper } from '../../src/workers/sweeper.ts';
import { eventually } from '../support/eventually.ts';
import { serverUrl } from '../support/server-url.ts';
import { STORE_KINDS } from '../support/stores.ts';
import { connectTo, OrderInput, orderSaga, startedOf, useBench } from './fixture.ts';

/** Short, so that a test need not wait: nothing has to be quiet for long before it is looked at. */
const EAGER = { sweepEveryMs: 200, overdueAfterMs: 400 };

describe.each(STORE_KINDS)('sweeper on %s', (kind) => {
  const bench = useBench(kind);

  test('S93 a saga whose starter died between journal and queue is started, once', async () => {
    const definition = orderSaga(bench.ledger);
    const { plan, bindings } = definition;
    await engineOf(bench.amends).transactions.start({ plan, bindings }, 's93', startedOf(definition, { order: 'o93' }));
    await bench.work([definition], EAGER);
    expect((await bench.amends.get('s93').outcome({ timeoutMs: 20_000 })).status).toBe('completed');
    expect(bench.ledger).toEqual(['reserve_stock', 'charge_card', 'create_shipment', 'send_mail']);
  });

  test('S110 two sweepers at once put back one job', async () => {
    const definition = orderSaga(bench.ledger);
    const { plan, bindings } = definition;
    const engine = engineOf(bench.amends);
    await bench.work([definition], { sweepEveryMs: 600_000 });
    for (let i = 0; i < 5; i++) await engine.transactions.start({ plan, bindings }, `s110-${i}`, startedOf(definition, { order: `o${i}` }));
    await delay(10); // older than the bound of 0 ms below by the store's clock
    const options = { sagas: ['order'], everyMs: 600_000, overdueAfterMs: 0, onError: () => undefined };
    const sweepers = [engine, engineOf(await bench.other())].map((each) => {
      each.definitions.add(definition);
      return new Sweeper(each, options);
    });
    await Promise.all(sweepers.map((sweeper) => sweeper.sweep()));
    for (let i = 0; i < 5; i++) {
      expect((await bench.amends.get(`s110-${i}`).outcome({ timeoutMs: 20_000 })).status).toBe('completed');
    }
    expect(bench.ledger).toHaveLength(20);
  });

  test('what was written just before a loss of the store was seen is looked at too, also when a look is under way', async () => {
    const definition = orderSaga(bench.ledger);
    const { plan, bindings } = definition;
    const engine = engineOf(bench.amends);
    await bench.work([definition], { sweepEveryMs: 600_000 });
    const sweeper = new Sweeper(engine, { sagas: ['order'], everyMs: 600_000, overdueAfterMs: 600_000, onError: () => undefined });
    await engine.transactions.start({ plan, bindings }, 'torn', startedOf(definition, { order: 'o' }));
    const underWay = sweeper.sweep();
    sweeper.lookAtEverything();
    expect(await underWay).toBe(0);
    expect(await sweeper.sweep()).toBe(0); // its job may be on its way still
    await eventually(async () => expect(await sweeper.sweep()).toBeGreaterThan(0), { everyMs: 300 });
    expect((await bench.amends.get('torn').outcome({ timeoutMs: 20_000 })).status).toBe('completed');
    // And then it is over: a younger one is left to the ordinary bound.
    await delay(2_500); // longer than what is looked at because of the loss has to be quiet
    await sweeper.sweep();
    await engine.transactions.start({ plan, bindings }, 'young', startedOf(definition, { order: 'o' }));
    await delay(2_500);
    expect(await sweeper.sweep()).toBe(0);
  });

  test('a wait that is late is delivered, and told as no job that was gone', async () => {
    const napping = saga({ name: 'napping', version: 1, input: OrderInput }).sleep('nap', 600_000);
    const engine = engineOf(bench.amends);
    const { id } = await bench.amends.start(napping, { order: 'o' });
    const restored: number[] = [];
    const onRestored = (jobs: number): void => void restored.push(jobs);
    const options = { sagas: ['napping'], everyMs: 600_000, overdueAfterMs: 100, onError: () => undefined, onRestored };
    const laterMs = engine.clock.nowMs() + 700_000;
    const clock = vi.spyOn(engine.clock, 'nowMs').mockReturnValue(laterMs);
    try {
      expect(await new Sweeper(engine, options).sweep()).toBe(1);
    } finally {
      clock.mockRestore();
    }
    expect(restored).toEqual([]);
    expect(await engine.queues.stateOf({ queue: 'saga-napping', jobId: operationJobId(id, 'nap', 'run') })).toBe('waiting');
  });

  test('one that was found in order is looked at ever more rarely, and in time: after a loss, a change, and when its wait is over', async () => {
    const napping = saga({ name: 'napping', version: 1, input: OrderInput }).sleep('nap', 600_000);
    const engine = engineOf(bench.amends);
    const { id } = await bench.amends.start(napping, { order: 'o' });
    const sweeper = new Sweeper(engine, { sagas: ['napping'], everyMs: 600_000, overdueAfterMs: 1_000, onError: () => undefined });
    const startedMs = engine.clock.nowMs();
    const clock = vi.spyOn(engine.clock, 'nowMs');
    const read = vi.spyOn(engine.journal, 'read');
    const looksAfter = async (seconds: number): Promise<boolean> => {
      clock.mockReturnValue(startedMs + seconds * 1_000);
      read.mockClear();
      await sweeper.sweep();
      return read.mock.calls.some(([asked]) => asked === id);
    };
    try {
      expect(await looksAfter(100)).toBe(true);
      expect(await looksAfter(124)).toBe(false);
      expect(await looksAfter(126)).toBe(true);
      expect(await looksAfter(127)).toBe(false);
      sweeper.lookAtEverything();
      expect(await looksAfter(128)).toBe(true);
      expect(await looksAfter(129)).toBe(false);
      await bench.amends.get(id).pause({ by: 'ann' });
      await bench.amends.get(id).resume({ by: 'ann' });
      expect(await looksAfter(130)).toBe(true);
      expect(await looksAfter(590)).toBe(true);
      expect(await looksAfter(600)).toBe(false);
      expect(await looksAfter(602)).toBe(true); // in two minutes at the latest, but now its wait is over
    } finally {
      clock.mockRestore();
      read.mockRestore();
    }
  });

  test('a saga that is quiet for good reason is left alone', async () => {
    const definition = orderSaga(bench.ledger, {
      charge_card: {
        retry: { attempts: 3, delayMs: 1_500, maxDelayMs: 1_500 },
        run({ attempt }) {
          if (attempt === 1) throw new Error('away');
        },
      },
    });
    await bench.work([definition], EAGER);
    const run = await bench.amends.start(definition, { order: 'quiet' });
    expect((await run.outcome({ timeoutMs: 20_000 })).status).toBe('completed');
    expect((await run.history()).map(({ event }) => event.type)).not.toContain('attempt_lost');
  });
});

describe('journal in PostgreSQL, queue in Redis', () => {
  const bench = useBench('postgres');
  let redis: Redis;
  beforeEach(() => {
    redis = new Redis(serverUrl('REDIS_URL'), { lazyConnect: true });
  });
  afterEach(() => redis.disconnect());

  test('a list of jobs is lost and the jobs are not: what no list leads to is put back', async () => {
    const { namespace, url } = bench.store;
    const amends = await connectTo({ ...bench.store, kind: 'redis', url: serverUrl('REDIS_URL') }, { journal: url });
    try {
      const definition = orderSaga(bench.ledger);
      const runs = await Promise.all(Array.from({ length: 5 }, (_, i) => amends.start(definition, { order: `l${i}` }, { id: `l${i}` })));
      expect(await redis.del(`{${namespace}}:saga-order:wait`)).toBe(1);
      await amends.worker({ sagas: [definition], lockMs: 2_000, stallCheckMs: 1_000, ...EAGER }).run();
      for (const run of runs) expect((await run.outcome({ timeoutMs: 25_000 })).status).toBe('completed');
    } finally {
      await amends.close();
    }
  });

  test('S104 the queue is wiped in mid-run: all sagas end from the journal', async () => {
    const { namespace, url } = bench.store;
    const amends = await connectTo({ ...bench.store, kind: 'redis', url: serverUrl('REDIS_URL') }, { journal: url });
    try {
      const definition = orderSaga(bench.ledger, { charge_card: { run: () => delay(100) } });
      const worker = amends.worker({ sagas: [definition], concurrency: 5, lockMs: 2_000, stallCheckMs: 1_000, ...EAGER });
      await worker.run();
      const runs = await Promise.all(Array.from({ length: 40 }, (_, i) => amends.start(definition, { order: `f${i}` }, { id: `f${i}` })));
      await delay(300); // some have ended, some are in work, most wait
      const keys = await redis.keys(`{${namespace}}:*`);
      expect(keys.length).toBeGreaterThan(40);
      await redis.del(...keys);
      for (const run of runs) expect((await run.outcome({ timeoutMs: 25_000 })).status).toBe('completed');
    } finally {
      await amends.close();
    }
    // At least once: an action in work when its job was wiped may run again, under the same key.
    for (let i = 0; i < 40; i++) expect((await bench.amends.get(`f${i}`).view()).status).toBe('completed');
  });
});
