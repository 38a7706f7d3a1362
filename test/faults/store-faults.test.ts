import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { connect, engineOf, type Amends } from '../../src/amends.ts';
import type { Journal } from '../../src/journal/journal.ts';
import type { State } from '../../src/machine/state.ts';
import type { Delivery, Verdict } from '../../src/queues/queue-port.ts';
import { connectTo, gate } from '../engine/fixture.ts';
import { eventually } from '../support/eventually.ts';
import { useStore } from '../support/stores.ts';
import { judge } from './judge.ts';
import { busy, guardedOrders, Participants, REFUSED, type Before } from './participants.ts';
import { FaultProxy } from './proxy.ts';

const LIMITS = { lockMs: 2_000, stallCheckMs: 1_000, graceMs: 20 };
/** What a commit of the journal has in it, whatever the store. */
const COMMIT_OF_STEP = 'step_succeeded';

describe.each(['redis', 'postgres'] as const)('faults between the engine and %s', (kind) => {
  const store = useStore(kind);
  let direct: Amends;
  let proxied: Amends;
  let proxy: FaultProxy;
  let participants: Participants;
  let ids: string[];
  let journal: Journal;
  const others: Amends[] = [];

  beforeEach(async () => {
    direct = await connectTo(store);
    ({ journal } = engineOf(direct));
    proxy = await FaultProxy.before(store.url);
    proxied = await connectByProxy();
    participants = new Participants();
    ids = [];
  });
  afterEach(async () => {
    proxy.pass();
    for (const amends of [...others.splice(0), proxied, direct]) await amends.close();
    await proxy.close();
  });

  function connectByProxy(): Promise<Amends> {
    return connect(proxy.url, {
      namespace: store.namespace,
      storeTimeoutMs: 3_000,
      logger: pino({ level: process.env['FAULT_LOG'] ?? 'silent' }),
    });
  }

  /** Starts orders, every third of which is refused at its shipment. A start whose answer was lost is repeated, as callers do. */
  async function start(amends: Amends, count: number, before: Before = busy): Promise<void> {
    const saga = guardedOrders(participants, before);
    for (let i = 0; i < count; i++) {
      const id = `${kind}-${crypto.randomUUID()}`;
      ids.push(id);
      await eventually(() => amends.start(saga, { order: i % 3 === 2 ? `${REFUSED}-${i}` : `order-${i}` }, { id }), { timeoutMs: 15_000 });
    }
  }

  async function work(amends: Amends, { before = busy, concurrency = 10 }: { before?: Before; concurrency?: number } = {}): Promise<void> {
    await amends.worker({ sagas: [guardedOrders(participants, before)], concurrency, ...LIMITS }).run();
  }

  async function ended(): Promise<boolean> {
    const summaries = await journal.summaries(ids);
    return summaries.length === ids.length && summaries.every(({ endedAtMs }) => endedAtMs !== undefined);
  }

  /** Waits for all ends, past the proxy, and judges each. */
  async function judgeAll(timeoutMs = 15_000): Promise<readonly State[]> {
    await eventually(
      async () => {
        const open = (await journal.summaries(ids)).filter(({ endedAtMs }) => endedAtMs === undefined);
        expect(open.map(({ id, status, version }) => ({ id, status, version }))).toEqual([]);
      },
      { timeoutMs, everyMs: 50 },
    );
    const saga = guardedOrders(participants);
    return Promise.all(ids.map(async (id) => judge(saga, participants, id, await journal.read(id))));
  }

  /** How far every transaction has come. */
  async function progress(): Promise<Readonly<Record<string, number>>> {
    return Object.fromEntries((await journal.summaries(ids)).map(({ id, version }) => [id, version]));
  }

  /** Waits until what was on its way to the store has arrived: nothing has moved for a second. */
  async function quiet(): Promise<Readonly<Record<string, number>>> {
    let last = '';
    let since = performance.now();
    return eventually(
      async () => {
        const now = await progress();
        const text = ids.map((id) => now[id]).join();
        if (text !== last) since = performance.now();
        last = text;
        expect(performance.now() - since).toBeGreaterThan(1_000);
        return now;
      },
      { everyMs: 100 },
    );
  }

  const inMidRun = (): Promise<void> => eventually(() => expect(participants.total).toBeGreaterThan(10), { everyMs: 5 });

  test.each(['freeze', 'refuse'] as const)(
    'S106 the store is away for seconds (%s): nothing is decided meanwhile, nothing is lost',
    async (fault) => {
      await start(proxied, 30);
      await work(proxied, { concurrency: 5 });
      await inMidRun();
      proxy[fault]();
      const before = await quiet();
      await delay(3_000); // the fault itself: longer than the lock
      expect(await progress()).toEqual(before);
      expect(await ended()).toBe(false);
      expect(fault === 'freeze' ? proxy.counts.held : proxy.counts.refused).toBeGreaterThan(0);
      proxy.pass();
      await judgeAll();
    },
  );

  test.each(['at rest', 'in mid-run'])(
    'S106 a connection is closed %s while its store is away, and elsewhere everything goes on',
    async (when) => {
      await start(direct, 10);
      await work(proxied, { concurrency: 5 });
      if (when === 'at rest') await judgeAll();
      else await inMidRun();
      proxy.refuse();
      await eventually(() => expect(proxy.counts.refused).toBeGreaterThan(3));
      await proxied.close();
      await work(direct);
      await start(direct, 1);
      await judgeAll();
    },
  );

  test('S107 replies lost at commits and anywhere, again and again: no double transition', async () => {
    await work(proxied);
    const over = new AbortController();
    const chaos = (async () => {
      for (let i = 0; !over.signal.aborted; i++) {
        await delay(50 + Math.random() * 150, undefined, { signal: over.signal }).catch(() => undefined);
        if (proxy.dropped) proxy.dropReplies(1, i % 3 === 2 ? {} : { to: COMMIT_OF_STEP });
      }
    })();
    try {
      await start(proxied, 100);
      await eventually(async () => expect((await ended()) || proxy.counts.droppedReplies >= 25).toBe(true), {
        timeoutMs: 60_000,
        everyMs: 50,
      });
    } finally {
      over.abort();
      await chaos;
    }
    expect(proxy.counts.droppedReplies).toBeGreaterThan(5);
    proxy.pass();
    await judgeAll();
  });

  test.each(['released', 'cut'] as const)('S107 connections half open for seconds and then %s', async (then) => {
    await start(proxied, 30);
    await work(proxied, { concurrency: 5 });
    await inMidRun();
    if (then === 'cut') proxy.halfOpen();
    else proxy.freeze();
    await eventually(() => expect(then === 'cut' ? proxy.counts.swallowed : proxy.counts.held).toBeGreaterThan(0));
    // Another worker takes over what the unreachable one holds, and ends everything.
    others.push(await connectTo(store));
    await work(others[0]!, { concurrency: 5 });
    const states = await judgeAll();
    // What the first one had to say comes too late.
    if (then === 'cut') proxy.cut();
    else proxy.pass();
    const one = { id: `${kind}-${crypto.randomUUID()}` };
    ids.push(one.id);
    await eventually(() => proxied.start(guardedOrders(participants), { order: 'afterwards' }, one));
    const again = await judgeAll();
    expect(again.slice(0, states.length).map(({ status }) => status)).toEqual(states.map(({ status }) => status));
  });

  test('S102 a worker is cut off past its lock and another one takes over: the late result is refused, one effect', async () => {
    const first = gate();
    const second = gate();
    const began: string[] = [];
    const gated =
      (name: string, opened: Promise<void>): Before =>
      async ({ step }) => {
        if (step !== 'charge_card' || began.includes(name)) return;
        began.push(name);
        await opened;
      };
    await start(direct, 1);
    await work(proxied, { before: gated('first', first.opened) });
    await eventually(() => expect(began).toEqual(['first']));
    proxy.freeze();
    others.push(await connectTo(store));
    await work(others[0]!, { before: gated('second', second.opened) });
    await eventually(() => expect(began).toEqual(['first', 'second']));
    // The first one ends its action, and says so when it is heard again; the second is in the middle of the same.
    first.open();
    await eventually(() => expect(proxy.counts.held).toBeGreaterThan(0));
    proxy.pass();
    await eventually(async () => {
      const events = await journal.read(ids[0]!);
      expect(events.map(({ event }) => event.type)).toContain('late_result');
    });
    second.open();
    const [state] = await judgeAll();
    expect(state?.status).toBe('completed');
    expect(state?.steps['charge_card']?.lost).toBe(1);
    expect(participants.repeated).toBeGreaterThan(0);
  });

  test('S103 every job is delivered twice at once, to two processes: one transition each', async () => {
    others.push(await connectTo(store));
    const engines = [engineOf(direct), engineOf(others[0]!)];
    const takers = new Map<string, ((delivery: Delivery) => Promise<Verdict>)[]>();
    let doubled = 0;
    for (const { queues } of engines) {
      const consume = queues.consume.bind(queues);
      vi.spyOn(queues, 'consume').mockImplementation((queue, handle, options) => {
        const all = [...(takers.get(queue) ?? []), handle];
        takers.set(queue, all);
        const both = async (delivery: Delivery): Promise<Verdict> => {
          const verdicts = await Promise.all(takers.get(queue)!.map((taker) => taker(delivery)));
          if (verdicts.length === 2) doubled++;
          return verdicts[takers.get(queue)!.indexOf(handle)]!;
        };
        return consume(queue, both, options);
      });
    }
    await work(direct);
    await work(others[0]!);
    await start(direct, 40);
    const states = await judgeAll();
    expect(doubled).toBeGreaterThan(40 * 4);
    expect(participants.repeated).toBeGreaterThan(40);
    expect(new Set(states.map(({ status }) => status))).toEqual(new Set(['completed', 'compensated']));
  });
});
