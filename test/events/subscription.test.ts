import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { LoggedEvent } from '../../src/events/global-log.ts';
import type { Subscription } from '../../src/events/subscription.ts';
import type { EventHandler } from '../../src/events/subscription-context.ts';
import type { SubscribeOptions } from '../../src/events/subscription-options.ts';
import { eventually } from '../support/eventually.ts';
import { describeEachStore } from '../support/stores.ts';
import { batch, event, freshStream, upTo } from '../support/streams.ts';
import { end, fresh, start } from '../support/transactions.ts';
import { openEvents, type OpenEvents } from './fixture.ts';

/** Versions by aggregate, in the order they were handled. */
export function versionsByAggregate(handled: readonly LoggedEvent[]): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const { aggregateId, version } of handled) found.set(aggregateId, [...(found.get(aggregateId) ?? []), version]);
  return found;
}

describeEachStore('a subscription', (store) => {
  let opened: OpenEvents;
  const running = new Set<Subscription>();
  beforeAll(async () => {
    opened = await openEvents(store);
  });
  afterEach(async () => {
    await Promise.all([...running].map((subscription) => subscription.close()));
    running.clear();
  });
  afterAll(() => opened.close());

  /** Categories of their own keep tests apart. */
  const category = (): string => fresh('cat').replaceAll('-', '_');

  async function subscribe(
    options: SubscribeOptions,
    handle: EventHandler,
    { name = fresh('sub'), from = opened } = {},
  ): Promise<Subscription> {
    const subscription = await from.subscriptions.subscribe(name, { leaseMs: 2_000, retryDelayMs: 5, ...options }, handle);
    running.add(subscription);
    return subscription;
  }

  test('catches up, then goes on live, in order', async () => {
    const type = category();
    const stream = freshStream(type);
    await opened.events.append(stream, batch(3), { expectedVersion: 'none' });
    const handled: LoggedEvent[] = [];
    const subscription = await subscribe({ events: [type], from: 'start' }, (one) => handled.push(one));
    await subscription.caughtUp();
    expect(handled.map(({ version }) => version)).toEqual([1, 2, 3]);
    await opened.events.append(stream, batch(2, 4), { expectedVersion: 3 });
    await eventually(() => expect(handled.map(({ version }) => version)).toEqual([1, 2, 3, 4, 5]));
    expect(handled[4]).toMatchObject({ aggregateType: type, eventType: 'order_created', eventData: { number: 5 } });
  });

  test('begins with what is to come, or after a position', async () => {
    const type = category();
    const stream = freshStream(type);
    await opened.events.append(stream, batch(3), { expectedVersion: 'none' });
    const head = await opened.log.head();
    const [late, after]: [number[], number[]] = [[], []];
    await subscribe({ events: [{ name: type }], from: 'end' }, ({ version }) => late.push(version));
    await subscribe({ events: [type], from: head - 1 }, ({ version }) => after.push(version));
    await opened.events.append(stream, batch(1), { expectedVersion: 3 });
    await eventually(() => expect([late, after]).toEqual([[4], [3, 4]]));
  });

  test('goes on where it was, whatever `from` says', async () => {
    const type = category();
    const stream = freshStream(type);
    const name = fresh('sub');
    const handled: number[] = [];
    await opened.events.append(stream, batch(2), { expectedVersion: 'none' });
    const first = await subscribe({ events: [type], from: 'start' }, ({ version }) => handled.push(version), { name });
    await first.caughtUp();
    await first.close();
    await opened.events.append(stream, batch(2), { expectedVersion: 2 });
    await (await subscribe({ events: [type], from: 'end' }, ({ version }) => handled.push(version), { name })).caughtUp();
    expect(handled).toEqual([1, 2, 3, 4]);
  });

  test("follows the sagas' journal", async () => {
    const handled: string[] = [];
    await subscribe({ events: ['transaction'], from: 'end' }, ({ aggregateId, eventType }) => handled.push(`${aggregateId} ${eventType}`));
    const id = await start(opened.journal);
    await end(opened.journal, id);
    await eventually(() => expect(handled).toEqual([`${id} saga_started`, `${id} saga_completed`]));
  });

  test('its checkpoint moves also over events that are not its own', async () => {
    const subscription = await subscribe({ events: [category()], from: 'start', partitions: 2 }, () => expect.unreachable());
    await opened.events.append(freshStream(), batch(30), { expectedVersion: 'none' });
    await subscription.caughtUp();
    const { lag, partitions } = await subscription.status();
    expect(lag).toEqual({ events: 0, seconds: 0 });
    const head = await opened.log.head();
    expect(partitions.map(({ position }) => position)).toEqual([head, head]);
  });

  test('its partitions are shared by the processes that run it, and an aggregate stays in order', async () => {
    const type = category();
    const name = fresh('sub');
    const other = await openEvents(store);
    try {
      const handled: LoggedEvent[] = [];
      const options: SubscribeOptions = { events: [type], from: 'start', partitions: 8, leaseMs: 1_000 };
      const one = await subscribe(options, (event_) => handled.push(event_), { name });
      expect(new Set((await one.status()).partitions.map(({ owner }) => owner)).size).toBe(1);
      const two = await subscribe(options, (event_) => handled.push(event_), { name, from: other });
      const streams = upTo(24).map(() => freshStream(type));
      for (let round = 0; round < 4; round++) {
        await Promise.all(streams.map((stream) => opened.events.append(stream, batch(1), { expectedVersion: round })));
      }
      await eventually(async () => {
        const owners = (await one.status()).partitions.map(({ owner }) => owner);
        expect(owners).not.toContain(undefined);
        expect(owners.filter((owner) => owner === owners[0])).toHaveLength(4);
      });
      await two.caughtUp();
      await one.close();
      // The other takes over what was left.
      await Promise.all(streams.map((stream) => opened.events.append(stream, batch(1), { expectedVersion: 4 })));
      await two.caughtUp();
      const versions = versionsByAggregate(handled);
      expect([...versions.keys()]).toHaveLength(24);
      for (const found of versions.values()) expect(found).toEqual([1, 2, 3, 4, 5]);
    } finally {
      await other.close();
    }
  });

  test('another number of partitions loses nothing and repeats nothing', async () => {
    const type = category();
    const name = fresh('sub');
    const handled: LoggedEvent[] = [];
    const streams = upTo(12).map(() => freshStream(type));
    const appendAll = (round: number) =>
      Promise.all(streams.map((stream) => opened.events.append(stream, batch(1), { expectedVersion: round })));
    let stopAt = Infinity;
    const handle = (one: LoggedEvent): void => {
      if (handled.length >= stopAt) throw new Error('not now');
      handled.push(one);
    };
    await appendAll(0);
    const four = await subscribe({ events: [type], from: 'start', partitions: 4, batch: 1, attempts: 1000 }, handle, { name });
    await four.caughtUp();
    // Stopped while its partitions stand at different positions.
    stopAt = handled.length + 5;
    await appendAll(1);
    await eventually(() => expect(handled.length).toBe(stopAt));
    await four.close();
    stopAt = Infinity;
    const three = await subscribe({ events: [type], from: 'start', partitions: 3 }, handle, { name });
    await appendAll(2);
    await three.caughtUp();
    await three.close();
    const one = await subscribe({ events: [type], from: 'start' }, handle, { name });
    await appendAll(3);
    await one.caughtUp();
    for (const versions of versionsByAggregate(handled).values()) expect(versions).toEqual([1, 2, 3, 4]);
    expect(handled).toHaveLength(48);
  });

  test('a poison event is tried, then parked with the later ones of its aggregate; others go on; a replay keeps their order', async () => {
    const type = category();
    const [bad, good] = [freshStream(type), freshStream(type)];
    let healed = false;
    const tries: number[] = [];
    const handled: string[] = [];
    const name = fresh('sub');
    const subscription = await subscribe(
      { events: [type], from: 'end', attempts: 3 },
      ({ aggregateId, version }, { attempt, replayed }) => {
        if (!healed && aggregateId === bad.aggregateId && version === 2) {
          tries.push(attempt);
          throw new Error('poison\0');
        }
        handled.push(`${aggregateId === bad.aggregateId ? 'bad' : 'good'} ${version}${replayed ? ' replayed' : ''}`);
      },
      { name },
    );
    await opened.events.append(bad, batch(3), { expectedVersion: 'none' });
    await opened.events.append(good, batch(2), { expectedVersion: 'none' });
    await opened.events.append(bad, batch(1), { expectedVersion: 3 });
    await subscription.caughtUp();
    // Together with others first, which counts for none; then by itself.
    expect(tries.slice(-3)).toEqual([1, 2, 3]);
    expect(new Set(handled)).toEqual(new Set(['bad 1', 'good 1', 'good 2']));
    expect(await subscription.deadLetters()).toMatchObject([
      { aggregateId: bad.aggregateId, version: 2, attempts: 3, error: expect.stringContaining('poison') },
      { aggregateId: bad.aggregateId, version: 3, attempts: 0, error: undefined },
      { aggregateId: bad.aggregateId, version: 4, attempts: 0 },
    ]);
    expect((await subscription.status()).parked).toBe(3);
    expect(opened.errors.filter((line) => line.includes(name) && line.includes('parked'))).toHaveLength(1);

    // It fails again: what follows stays behind it.
    expect(await subscription.replay()).toMatchObject({ replayed: 0, failed: [{ letter: { version: 2 } }] });
    expect((await subscription.deadLetters()).map(({ attempts }) => attempts)).toEqual([4, 0, 0]);

    healed = true;
    handled.length = 0;
    expect(await subscription.replay()).toEqual({ replayed: 3, failed: [] });
    expect(handled).toEqual(['bad 2 replayed', 'bad 3 replayed', 'bad 4 replayed']);
    await opened.events.append(bad, batch(1), { expectedVersion: 4 });
    await subscription.caughtUp();
    expect(handled.at(-1)).toBe('bad 5');
    expect(await subscription.deadLetters()).toEqual([]);
  });

  test('the attempts at an event are counted over restarts', async () => {
    const type = category();
    const name = fresh('sub');
    await opened.events.append(freshStream(type), batch(1), { expectedVersion: 'none' });
    const attempts: number[] = [];
    const fail: EventHandler = (_event, { attempt }) => {
      attempts.push(attempt);
      throw new Error('no');
    };
    const options: SubscribeOptions = { events: [type], from: 'start', attempts: 3, retryDelayMs: 300, maxRetryDelayMs: 300 };
    const first = await subscribe(options, fail, { name });
    await eventually(async () => expect((await first.status()).partitions[0]).toMatchObject({ attempts: 1, error: 'Error: no' }));
    await first.close();
    const second = await subscribe(options, fail, { name });
    await second.caughtUp();
    expect(attempts).toEqual([1, 2, 3]);
    expect(await second.deadLetters()).toMatchObject([{ attempts: 3 }]);
  });

  test('paused: nothing is handled until it is resumed, by whatever process', async () => {
    const type = category();
    const stream = freshStream(type);
    const handled: number[] = [];
    const subscription = await subscribe({ events: [type], from: 'start' }, ({ version }) => handled.push(version));
    await subscription.pause();
    await opened.events.append(stream, batch(2), { expectedVersion: 'none' });
    await eventually(async () => {
      const status = await subscription.status();
      expect(status).toMatchObject({ paused: true });
      expect(status.lag.events).toBeGreaterThanOrEqual(2);
    });
    expect((await subscription.status()).partitions[0]!.position).toBeLessThan(await opened.log.head());
    const other = await openEvents(store);
    await other.subscriptions.setPaused(subscription.name, false);
    await other.close();
    await subscription.caughtUp();
    // Before the pause reached it the reader may have begun, but what it did then was not committed.
    expect(handled.slice(-2)).toEqual([1, 2]);
  });

  test('its lag in events and seconds is told, and every subscription of the store is listed', async () => {
    const type = category();
    const name = fresh('sub');
    const subscription = await subscribe({ events: [type], from: 'end' }, () => undefined, { name });
    await subscription.pause();
    await opened.events.append(freshStream(type), batch(3), { expectedVersion: 'none' });
    await eventually(async () => expect((await subscription.status()).lag.seconds).toBeGreaterThan(0.05));
    expect((await subscription.status()).lag.events).toBe(3);
    const other = await openEvents(store);
    try {
      const listed = await other.subscriptions.list();
      expect(listed.find((one) => one.name === name)).toMatchObject({ paused: true, parked: 0, lag: { events: 3 } });
      await expect(other.subscriptions.remove(name)).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
      await subscription.close();
      await other.subscriptions.remove(name);
      await expect(other.subscriptions.status(name)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    } finally {
      await other.close();
    }
  });

  test('closing it lets the event in work end, and takes no other', async () => {
    const type = category();
    await opened.events.append(freshStream(type), batch(5), { expectedVersion: 'none' });
    const name = fresh('sub');
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const [begun, handled]: [number[], number[]] = [[], []];
    const subscription = await subscribe(
      { events: [type], from: 'start', batch: 1 },
      async ({ version }) => {
        begun.push(version);
        await gate;
        handled.push(version);
      },
      { name },
    );
    await eventually(() => expect(begun).toEqual([1]));
    const closing = subscription.close();
    release();
    await closing;
    expect(handled).toEqual([1]);
    await (await subscribe({ events: [type], from: 'start' }, ({ version }) => handled.push(version), { name })).caughtUp();
    expect(handled).toEqual([1, 2, 3, 4, 5]);
  });

  test('bad options are refused, and nothing is stored', async () => {
    const handle = (): void => undefined;
    const refused = (options: object, name = 'refused') =>
      expect(opened.subscriptions.subscribe(name, { from: 'start', ...options }, handle)).rejects.toMatchObject({
        code: expect.stringMatching(/^INVALID_(OPTION|ID)$/),
      });
    await refused({}, 'a b');
    await refused({ events: [] });
    await refused({ events: [''] });
    await refused({ from: 'now' });
    await refused({ from: -1 });
    await refused({ partitions: 0 });
    await refused({ partitions: 257 });
    await refused({ batch: 0 });
    await refused({ attempts: 0 });
    await refused({ leaseMs: 100 });
    expect((await opened.subscriptions.list()).map(({ name }) => name)).not.toContain('refused');
    const twice = await subscribe({ events: [category()], from: 'end' }, handle);
    await expect(opened.subscriptions.subscribe(twice.name, { from: 'end' }, handle)).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
  });

  test('what the handler may not use here says so', async () => {
    const type = category();
    const codes: unknown[] = [];
    await opened.events.append(freshStream(type), [event()], { expectedVersion: 'none' });
    const subscription = await subscribe({ events: [type], from: 'start' }, (_event, context) => {
      try {
        if (store.kind === 'redis') void context.tx;
        else context.write('SET', 'a', 'b');
      } catch (error) {
        codes.push((error as { code?: string }).code);
      }
    });
    await subscription.caughtUp();
    expect(codes).toEqual(['NOT_ALLOWED']);
  });
});
