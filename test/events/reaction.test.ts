import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import * as z from 'zod';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect, eventStream, resource, saga, step, tcc, type Amends } from '../../src/index.ts';
import { eventually } from '../support/eventually.ts';
import { serverUrl } from '../support/server-url.ts';
import { describeEachStore } from '../support/stores.ts';
import { fresh } from '../support/transactions.ts';

const orders = eventStream({ name: 'order', version: 1, events: { placed: z.object({ cents: z.number() }), paid: z.object({}) } })
  .initially(() => ({ cents: 0 }))
  .evolve({ placed: (_state, { cents }) => ({ cents }), paid: (state) => state });

describeEachStore('a reaction', (store) => {
  let amends: Amends;
  const shipped: string[] = [];
  const shipping = saga({ name: 'shipping', version: 1, input: z.object({ orderId: z.string() }) }).step(
    step({
      name: 'ship',
      input: z.object({ orderId: z.string() }),
      result: z.object({}),
      run: ({ input }) => {
        shipped.push(input.orderId);
        return {};
      },
      compensate: () => undefined,
    }),
    ({ input }) => input,
  );
  const held: string[] = [];
  const pallet = resource({
    name: 'pallet',
    input: z.object({ orderId: z.string() }),
    hold: z.object({}),
    holdForMs: 60_000,
    try: ({ input }) => {
      held.push(input.orderId);
      return {};
    },
    confirm: () => undefined,
    cancel: () => undefined,
  });
  const loading = tcc({ name: 'loading', version: 1, input: z.object({ orderId: z.string() }), deadlineMs: 20_000 }).reserve(
    pallet,
    ({ input }) => input,
  );
  beforeAll(async () => {
    const place = store.kind === 'embedded' ? (['', { folder: store.url }] as const) : ([store.url, {}] as const);
    amends = await connect(place[0], { ...place[1], namespace: store.namespace, logger: pino({ level: 'silent' }) });
    await amends.worker({ sagas: [shipping, loading] }).run();
  });
  afterAll(() => amends.close());

  /** Starts something for each paid order, whose event is delivered twice more just after. */
  async function reactTwiceMore(name: string, start: (orderId: string, id: string) => Promise<unknown>) {
    const orderId = fresh('order');
    let failures = 2;
    const ids: string[] = [];
    const reaction = await amends.events.react(name, { events: [orders], from: 'start', retryDelayMs: 1 }, async (event, { id }) => {
      if (event.type !== 'paid' || event.aggregateId !== orderId) return;
      ids.push(id());
      await start(orderId, id());
      // It was started, and is delivered again all the same.
      if (failures-- > 0) throw new Error('the network, just after');
    });
    await amends.events.append(
      orders,
      orderId,
      [
        { type: 'placed', data: { cents: 5 } },
        { type: 'paid', data: {} },
      ],
      { expectedVersion: 'none' },
    );
    await reaction.caughtUp();
    expect(ids.length).toBeGreaterThanOrEqual(3);
    expect(new Set(ids).size).toBe(1);
    const outcome = await amends.get(ids[0]!).outcome();
    await reaction.close();
    return { orderId, status: outcome.status };
  }

  test('an event starts a saga once, whatever is delivered again', async () => {
    const { orderId, status } = await reactTwiceMore('ship', (id, sagaId) => amends.start(shipping, { orderId: id }, { id: sagaId }));
    expect(status).toBe('completed');
    expect(shipped.filter((id) => id === orderId)).toEqual([orderId]);
  });

  test('an event starts a TCC once, whatever is delivered again', async () => {
    const { orderId, status } = await reactTwiceMore('load', (id, tccId) => amends.start(loading, { orderId: id }, { id: tccId }));
    expect(status).toBe('confirmed');
    expect(held.filter((id) => id === orderId)).toEqual([orderId]);
  });

  test('an event becomes a BullMQ job once', async () => {
    const orderId = fresh('order');
    const redis = new Redis(serverUrl('REDIS_URL'), { maxRetriesPerRequest: null });
    const queue = new Queue(`${store.namespace}_jobs`, { connection: redis });
    try {
      let failures = 1;
      const reaction = await amends.events.react('mail', { events: [orders], from: 'end', retryDelayMs: 1 }, async (event, { id }) => {
        if (event.type !== 'placed') return;
        await queue.add('mail', { cents: event.data.cents }, { jobId: id() });
        await queue.add('bill', {}, { jobId: id('bill') });
        if (failures-- > 0) throw new Error('just after');
      });
      await amends.events.append(orders, orderId, [{ type: 'placed', data: { cents: 7 } }], { expectedVersion: 'none' });
      await reaction.caughtUp();
      await eventually(async () => expect((await queue.getWaiting()).map(({ name }) => name).toSorted()).toEqual(['bill', 'mail']));
      await reaction.close();
    } finally {
      await queue.obliterate({ force: true });
      await queue.close();
      await redis.quit();
    }
  });

  test('a typed projection follows the definition', async () => {
    const seen: number[] = [];
    const running = await amends.events.project({
      name: 'seen',
      version: 1,
      events: [orders],
      tables: ['seen'],
      handle: (event) => {
        if (event.type === 'placed') seen.push(event.data.cents);
      },
      ...(store.kind === 'redis' ? {} : { setup: ({ tx, table }) => tx.query(`CREATE TABLE ${table('seen')} (id text)`) }),
    });
    await amends.events.append(orders, fresh('order'), [{ type: 'placed', data: { cents: 11 } }], { expectedVersion: 'none' });
    await running.subscription.caughtUp();
    expect(seen).toContain(11);
    expect(await amends.events.projections('seen')).toMatchObject([{ name: 'seen', version: 1, live: true }]);
  });
});
