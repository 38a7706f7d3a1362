import { startDashboard } from 'amends/dashboard';
import { connectEvents } from 'amends/events';
import { Redis } from 'ioredis';
import request from 'supertest';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connect, engineOf, type Amends, type ConnectOptions } from '../../src/amends.ts';
import { StepFailed } from '../../src/errors.ts';
import { rootJob } from '../../src/queues/advance.ts';
import { rootJobId, sagaQueue } from '../../src/queues/names.ts';
import { Sweeper } from '../../src/workers/sweeper.ts';
import { connectTo, gate, orderSaga, startedOf, type Ledger } from '../engine/fixture.ts';
import { eventually } from '../support/eventually.ts';
import { serverUrl } from '../support/server-url.ts';
import { useStore } from '../support/stores.ts';
import { readAll, upTo } from '../support/streams.ts';

const SHARDS = 4;
const FAST = { lockMs: 2_000, stallCheckMs: 1_000, graceMs: 20 };

describe('sagas in four shards of one server', () => {
  const store = useStore('redis');
  const opened: Amends[] = [];
  let ledger: Ledger;
  beforeEach(() => {
    ledger = [];
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((amends) => amends.close()));
  });

  async function open(options: ConnectOptions = { shards: SHARDS }): Promise<Amends> {
    const amends = await connectTo(store, options);
    opened.push(amends);
    return amends;
  }

  test('SH5 a worker has no more in work than its concurrency, over all shards', async () => {
    const amends = await open();
    const finish = gate();
    let [now, most] = [0, 0];
    const definition = orderSaga(ledger, {
      charge_card: {
        async run() {
          most = Math.max(most, ++now);
          await finish.opened;
          now--;
        },
      },
    });
    await amends.worker({ sagas: [definition], ...FAST, concurrency: 3 }).run();
    const runs = await Promise.all(upTo(20).map((n) => amends.start(definition, { order: `o${n}` }, { id: `limit${n}` })));
    await eventually(() => expect(now).toBe(3));
    finish.open();
    for (const run of runs) expect((await run.outcome({ timeoutMs: 20_000 })).status).toBe('completed');
    expect(most).toBe(3);
  });

  test('SH11 jobs that are gone are put back in every shard, and roots that wait for ever are freed', async () => {
    const amends = await open();
    const engine = engineOf(amends);
    const undoing = gate();
    const definition = orderSaga(ledger, {
      charge_card: {
        run() {
          throw new StepFailed('declined');
        },
      },
      reserve_stock: { compensate: () => undoing.opened },
    });
    const { plan, bindings } = definition;
    await amends.worker({ sagas: [definition], ...FAST, sweepEveryMs: 600_000 }).run();
    const ids = upTo(12).map((n) => `lost${n}`);
    for (const id of ids) await engine.transactions.start({ plan, bindings }, id, startedOf(definition, { order: id }));
    const sweeper = new Sweeper(engine, { sagas: ['order'], everyMs: 600_000, overdueAfterMs: 0, onError: () => undefined });
    await eventually(async () => {
      await sweeper.sweep();
      const states = ids.map((id) => engine.queues.stateOf(rootJob({ id, saga: 'order' })));
      expect(new Set(await Promise.all(states))).toEqual(new Set(['waiting-children']));
    });
    // All of them are found, whatever the size of the pages.
    const queue = sagaQueue('order');
    for (const limit of [1, 5, 12, 50]) {
      const found: string[] = [];
      for (let from = 0, more = true; more; from += limit) {
        const page = await engine.queues.waitingForChildren(queue, { from, limit });
        found.push(...page);
        more = page.length === limit;
      }
      expect(found.toSorted()).toEqual(ids.map(rootJobId).toSorted());
    }
    undoing.open();
    for (const id of ids) expect((await amends.get(id).outcome({ timeoutMs: 20_000 })).status).toBe('compensated');
  });

  test('SH12 the dashboard shows the queue of each shard, and leads to the one a transaction is in', async () => {
    const amends = await open();
    await amends.worker({ sagas: [orderSaga(ledger)], ...FAST }).run();
    await using dashboard = await startDashboard(amends, { port: 0 });
    const run = await amends.start(orderSaga(ledger), { order: 'o' }, { id: 'shown' });
    await run.outcome({ timeoutMs: 20_000 });
    const { body } = await request(dashboard.url).get('/queues/api/queues').expect(200);
    const shown = (body as { queues: { name: string; displayName: string }[] }).queues;
    expect(shown.map(({ name, displayName }) => `${name} = ${displayName}`)).toEqual(
      upTo(SHARDS).map((n) => `saga-order.${n - 1} = saga order (shard ${n - 1})`),
    );
    const { body: transaction } = await request(dashboard.url).get('/api/v1/transactions/shown').expect(200);
    const { url } = (transaction as { jobs: { op: string; url: string }[] }).jobs.find(({ op }) => op === 'root')!;
    const [, queue] = /^queues\/queue\/(saga-order\.\d)\/root\.shown$/.exec(url)!;
    await request(dashboard.url).get(`/queues/api/queues/${queue}/root.shown`).expect(200);
    const flow = await request(dashboard.url)
      .get(`/queues/api/queues/${queue}/root.shown/flow`)
      .query({ depth: 3, maxChildren: 20 })
      .expect(200);
    const { flowRoot } = flow.body as { flowRoot: { queueName: string; children: { queueName: string }[] } };
    expect(flowRoot.children, 'the root carries out the last of four steps').toHaveLength(3);
    expect(new Set([flowRoot, ...flowRoot.children].map(({ queueName }) => queueName))).toEqual(new Set([queue]));
    await request(dashboard.url).get('/healthz').expect(200);
  });

  test('SH13 a subscription to transactions gets those of all shards, each in its order, and goes on where it was', async () => {
    const amends = await open();
    const definition = orderSaga(ledger);
    await amends.worker({ sagas: [definition], ...FAST }).run();
    const types = new Map<string, string[]>();
    const hear = async (by: Pick<Amends, 'events'>, name: string) =>
      by.events.subscribe(name, { events: ['transaction'], from: 'start', partitions: 2 }, ({ aggregateId, eventType }) => {
        types.set(aggregateId, [...(types.get(aggregateId) ?? []), eventType]);
      });
    const start = async (prefix: string): Promise<string[]> => {
      const runs = await Promise.all(upTo(10).map((n) => amends.start(definition, { order: `o${n}` }, { id: `${prefix}${n}` })));
      for (const run of runs) await run.outcome({ timeoutMs: 20_000 });
      return runs.map(({ id }) => id);
    };
    const histories = async (ids: readonly string[]) =>
      new Map(
        await Promise.all(ids.map(async (id) => [id, (await amends.get(id).history()).map(({ event }) => event.type as string)] as const)),
      );

    const subscription = await hear(amends, 'audit');
    const first = await start('first');
    await subscription.caughtUp();
    for (const [id, history] of await histories(first)) expect(types.get(id)).toEqual(history);
    expect(await amends.events.subscriptions()).toMatchObject([{ name: 'audit', paused: false, parked: 0, lag: { events: 0 } }]);
    await subscription.close();

    const second = await start('second');
    await using alone = await connectEvents(store.url, { namespace: store.namespace });
    const again = await hear(alone, 'audit');
    await again.caughtUp();
    for (const [id, history] of await histories([...first, ...second])) expect(types.get(id)).toEqual(history);
    await alone.events.pauseSubscription('audit');
    expect((await again.status()).paused).toBe(true);
    await again.close();
    await alone.events.removeSubscription('audit');
    expect(await alone.events.subscriptions()).toEqual([]);

    // A transaction's stream is read from its shard; what can't see it says so.
    const stream = { aggregateType: 'transaction', aggregateId: first[0]! };
    expect((await readAll(alone.events.store, stream)).map(({ eventType }) => eventType)).toEqual(types.get(first[0]!));
    const mixed = alone.events.subscribe('mixed', { events: ['transaction', 'order'], from: 'start' }, () => undefined);
    await expect(mixed).rejects.toMatchObject({ code: 'NOT_ALLOWED', message: expect.stringContaining('shards') });
    const position = alone.events.subscribe('at', { events: ['transaction'], from: 7 }, () => undefined);
    await expect(position).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    const projected = alone.events.project({ name: 'p', version: 1, events: ['transaction'], tables: [], handle: () => undefined });
    await expect(projected).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
    await expect(alone.events.log.read(0, { categories: ['transaction'] })).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
  });

  test('SH14 purges take place in every shard', async () => {
    const amends = await open();
    const definition = orderSaga(ledger);
    await amends.worker({ sagas: [definition], ...FAST }).run();
    const runs = await Promise.all(upTo(10).map((n) => amends.start(definition, { order: `o${n}` })));
    for (const run of runs) await run.outcome({ timeoutMs: 20_000 });
    const { journal, clock } = engineOf(amends);
    const before = (await amends.list({ limit: 200 })).transactions.length;
    expect(await journal.purge({ endedBeforeMs: clock.nowMs() + 60_000, limit: 4 })).toBe(4);
    expect((await amends.list({ limit: 200 })).transactions).toHaveLength(before - 4);
    await journal.purge({ endedBeforeMs: clock.nowMs() + 60_000, limit: 1_000 });
    expect((await amends.list()).transactions).toEqual([]);
  });
});

describe('the number of shards', () => {
  const store = useStore('redis');

  test.each([0, 257, 1.5, -1, Number.NaN, '4' as never])('SH15 %s is refused', async (shards) => {
    await expect(connectTo(store, { shards })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining('1 to 256'),
    });
  });

  test('SH15 other than 1 is refused on PostgreSQL and on the embedded store', async () => {
    const postgres = connect(serverUrl('DATABASE_URL'), { namespace: store.namespace, shards: 4 });
    await expect(postgres).rejects.toMatchObject({ code: 'INVALID_OPTION', message: expect.stringMatching(/shards is 4.*PostgreSQL/) });
    const embedded = connect('', { folder: '/nowhere', shards: 4 });
    await expect(embedded).rejects.toMatchObject({ code: 'INVALID_OPTION', message: expect.stringMatching(/shards is 4.*embedded/) });
  });

  test('SH16 a store from before there were shards has one, under the keys it has always had', async () => {
    const before = await connectTo(store);
    const definition = orderSaga([]);
    await before.start(definition, { order: 'o' }, { id: 'old' });
    await before.close();
    const redis = new Redis(store.url);
    try {
      expect(await redis.exists(`{${store.namespace}}:t:old`, `{${store.namespace}}:s:transaction:old`)).toBe(2);
      await redis.del(`{${store.namespace}}:shards`);
    } finally {
      redis.disconnect();
    }
    await expect(connectTo(store, { shards: 4 })).rejects.toMatchObject({ code: 'INVALID_OPTION', details: { shards: 1, wanted: 4 } });
    await using same = await connectTo(store, { shards: 1 });
    expect((await same.get('old').view()).status).toBe('running');
  });
});

describe('the journal in PostgreSQL, the queue in shards of Redis', () => {
  const store = useStore('redis');
  const journal = useStore('postgres');

  test('SH17 only the queues are divided', async () => {
    const ledger: Ledger = [];
    await using amends = await connectTo(store, { shards: SHARDS, journal: journal.url });
    const definition = orderSaga(ledger);
    await amends.worker({ sagas: [definition], ...FAST }).run();
    const runs = await Promise.all(upTo(12).map((n) => amends.start(definition, { order: `o${n}` })));
    for (const run of runs) expect((await run.outcome({ timeoutMs: 20_000 })).status).toBe('completed');
    expect(ledger).toHaveLength(48);
    expect((await amends.list()).transactions).toHaveLength(12);
    const queues = engineOf(amends).queues.inShards('saga-order');
    await eventually(async () => {
      const completed = await Promise.all(queues.map(({ queue }) => queue.getCompletedCount()));
      expect(completed.filter((count) => count > 0).length).toBeGreaterThan(1);
      expect(completed.reduce((sum, count) => sum + count)).toBe(48);
    });
  });
});
