import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { openRedis } from '../../src/connections/redis.ts';
import type { SubscribeOptions } from '../../src/events/subscription-options.ts';
import { eventually } from '../support/eventually.ts';
import { describeEachServer } from '../support/stores.ts';
import { batch, freshStream, upTo } from '../support/streams.ts';
import { fresh } from '../support/transactions.ts';
import { openEvents, type OpenEvents } from './fixture.ts';
import { SubscriberProcess, type SubscriberSettings } from './processes/subscriber-process.ts';

describeEachServer('a subscription whose process', (store) => {
  let opened: OpenEvents;
  let effects: () => Promise<readonly string[]>;
  let forget: () => Promise<unknown>;
  const end: (() => Promise<unknown>)[] = [];
  const processes = new Set<SubscriberProcess>();
  beforeAll(async () => {
    opened = await openEvents(store);
    end.push(opened.close);
    if (opened.sql !== undefined) {
      const { sql } = opened;
      await sql.query('CREATE TABLE effects (number bigint GENERATED ALWAYS AS IDENTITY, effect text NOT NULL)');
      effects = async () =>
        (await sql.query<{ effect: string }>('SELECT effect FROM effects ORDER BY number')).rows.map(({ effect }) => effect);
      forget = () => sql.query('TRUNCATE effects');
    } else {
      const redis = await openRedis(store.url);
      end.unshift(() => redis.quit());
      effects = () => redis.lrange(`{${store.namespace}}:effects`, 0, -1);
      forget = () => redis.del(`{${store.namespace}}:effects`);
    }
  });
  afterEach(async () => {
    for (const one of processes) {
      one.signal('SIGKILL');
      await one.ended;
    }
    processes.clear();
    await forget();
  });
  afterAll(async () => {
    for (const one of end) await one();
  });

  function run(name: string, options: SubscribeOptions, conduct: Pick<SubscriberSettings, 'dieAt' | 'holdAt'> = {}): SubscriberProcess {
    const kind = store.kind === 'redis' ? 'redis' : 'postgres';
    const one = new SubscriberProcess({ kind, url: store.url, namespace: store.namespace, name, options, ...conduct });
    processes.add(one);
    return one;
  }

  test('is killed between the handler and the checkpoint repeats what was not committed: every effect exactly once', async () => {
    const type = fresh('killed').replaceAll('-', '_');
    const streams = upTo(4).map(() => freshStream(type));
    for (let round = 0; round < 6; round++) {
      for (const stream of streams) await opened.events.append(stream, batch(1), { expectedVersion: round });
    }
    const options: SubscribeOptions = { events: [type], from: 'start', batch: 5, leaseMs: 600 };
    const name = fresh('sub');
    for (const dieAt of [1, 5, 7]) {
      const victim = run(name, options, { dieAt });
      expect(await victim.ended).toBe(null);
    }
    const before = await effects();
    expect(before.length).toBeLessThan(24);
    const survivor = run(name, options);
    await survivor.hear('ready');
    await eventually(async () => expect(await effects()).toHaveLength(24));
    const expected = upTo(6).flatMap((version) => streams.map(({ aggregateId }) => `${aggregateId} ${version}`));
    expect(await effects()).toEqual(expected);
    expect((await opened.subscriptions.status(name)).parked).toBe(0);
  });

  test('stands still past its lease can no longer move the checkpoint: what it did is not committed', async () => {
    const type = fresh('still').replaceAll('-', '_');
    const stream = freshStream(type);
    await opened.events.append(stream, batch(6), { expectedVersion: 'none' });
    const options: SubscribeOptions = { events: [type], from: 'start', batch: 4, leaseMs: 800 };
    const name = fresh('sub');
    const paused = run(name, options, { holdAt: 2 });
    await paused.hear('holding');
    const before = (await opened.subscriptions.status(name)).partitions[0]!;
    paused.signal('SIGSTOP');

    const other = run(name, options);
    await other.hear('ready');
    const expected = upTo(6).map((version) => `${stream.aggregateId} ${version}`);
    await eventually(async () => expect(await effects()).toEqual(expected));
    const after = (await opened.subscriptions.status(name)).partitions[0]!;
    expect(after.epoch).toBeGreaterThan(before.epoch);
    expect(after.owner).not.toBe(before.owner);

    paused.signal('SIGCONT');
    paused.goOn();
    paused.signal('SIGTERM');
    expect(await paused.ended).toBe(0);
    expect(await effects()).toEqual(expected);
    expect((await opened.subscriptions.status(name)).partitions[0]).toMatchObject({ position: after.position, epoch: after.epoch });
  });
});
