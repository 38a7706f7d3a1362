import { randomBytes, randomUUID } from 'node:crypto';
import { pino } from 'pino';
import * as z from 'zod';
import { beforeAll, describe, expect, test } from 'vitest';
import type { EventBackend } from '../../src/events/backend.ts';
import type { DumpLine } from '../../src/events/dump-line.ts';
import { eventStream } from '../../src/events/event-stream.ts';
import { createEventStreams, type EventStreams } from '../../src/events/events.ts';
import type { LoggedEvent } from '../../src/events/global-log.ts';
import { openEvents } from '../../src/events/open-events.ts';
import { FORGOTTEN } from '../../src/events/personal-data.ts';
import { DEFAULT_PAYLOAD_LIMITS } from '../../src/flows/json.ts';
import { describeEachStore, useStore, type TestStore } from '../support/stores.ts';
import { upTo } from '../support/streams.ts';
import { all, orders, paid, placed } from './orders.ts';

const people = eventStream({
  name: 'person',
  version: 1,
  events: { named: z.object({ name: z.string() }) },
  personal: { named: { fields: ['name'] } },
});

const fresh = (store: TestStore) => store.open(`test_${randomBytes(6).toString('hex')}`);

async function allLogged({ log }: EventBackend): Promise<Omit<LoggedEvent, 'keyHash'>[]> {
  const found: Omit<LoggedEvent, 'keyHash'>[] = [];
  for (let position = 0, more = true; more;) {
    const page = await log.read(position, { limit: 100 });
    found.push(...page.events.map(({ keyHash: _hash, ...event }) => event));
    ({ position, more } = page);
  }
  return found;
}

/** As they come out of a file. */
const asFile = (lines: readonly DumpLine[]): unknown[] => lines.map((line) => JSON.parse(JSON.stringify(line)) as unknown);

/** Streams of every kind: open, closed, archived, tombstoned; odd names and payloads; a subscription half way with something parked. */
async function fill(backend: EventBackend): Promise<{ readonly ids: readonly string[]; readonly person: string }> {
  const events = createEventStreams({ backend });
  const ids = ['open', `odd "id" ✓ ${randomUUID()}`, 'closed', 'archived', 'gone', 'archived-and-closed'];
  for (const id of ids) await events.append(orders, id, [placed(1), ...upTo(250).map(paid)], { expectedVersion: 'none' });
  await events.store.append(
    { aggregateType: 'a:b%', aggregateId: 'x' },
    [{ eventType: 'odd', eventData: { nul: 'a\0b', half: '\ud800', __proto__x: [1e21, 0.1] }, schemaVersion: 7, metadata: { m: ['\0'] } }],
    { expectedVersion: 'none' },
  );
  await events.closeStream(orders, 'closed');
  await events.archive(orders, 'archived', { toVersion: 100 });
  await events.append(orders, 'archived', [paid(251)], { expectedVersion: 251 });
  await events.tombstone(orders, 'gone', { reason: 'test' });
  await events.archive(orders, 'archived-and-closed');
  await events.closeStream(orders, 'archived-and-closed');
  const person = randomUUID();
  await events.append(people, person, [{ type: 'named', data: { name: 'Anna' } }], { expectedVersion: 'none' });
  return { ids, person };
}

/** What became of streams comes in any order. */
const inOrder = (lines: readonly DumpLine[]): DumpLine[] =>
  lines.toSorted((a, b) => (a.kind === 'stream' && b.kind === 'stream' ? (a.id < b.id ? -1 : 1) : 0));

const heads = (events: EventStreams, ids: readonly string[]) => Promise.all(ids.map((id) => events.head(orders, id)));

describeEachStore('a dump', (store) => {
  let source: EventBackend;
  let filled: Awaited<ReturnType<typeof fill>>;
  beforeAll(async () => {
    source = (await store.open()).backend;
    filled = await fill(source);
  });
  const dumped = (options?: { readonly keys: boolean }) => all(createEventStreams({ backend: source }).dump(options));

  test('that is restored passes the same reads: versions, ids, positions, times and states are what they were', async () => {
    const { backend } = await fresh(store);
    const [from, to] = [createEventStreams({ backend: source }), createEventStreams({ backend })];
    const lines = await dumped();
    const logged = await allLogged(source);
    expect(await to.restore(asFile(lines))).toEqual({ events: logged.length, subscriptions: 0 });
    expect(await allLogged(backend)).toEqual(logged);
    expect(await backend.log.head()).toBe(await source.log.head());
    expect(await heads(to, filled.ids)).toEqual(await heads(from, filled.ids));
    for (const id of filled.ids) expect(await all(to.read(orders, id))).toEqual(await all(from.read(orders, id)));
    expect(inOrder(await all(to.dump()))).toEqual(inOrder(lines));
  });

  test('goes on where it was: versions, positions, ids and states hold for what is appended', async () => {
    const { backend } = await fresh(store);
    const to = createEventStreams({ backend });
    await to.restore(asFile(await dumped()));
    const [first] = await all(source.store.read({ aggregateType: 'order', aggregateId: 'open' }));
    const { eventId, eventType, eventData } = first!;
    const open = { aggregateType: 'order', aggregateId: 'open' };
    expect(await to.store.append(open, [{ eventId, eventType, eventData }], { expectedVersion: 'none' })).toMatchObject({
      duplicate: true,
    });
    await expect(to.store.append(open, [{ eventId, eventType, eventData: 'other' }], { expectedVersion: 'any' })).rejects.toMatchObject({
      code: 'EVENT_ID_REUSED',
    });
    expect(await to.append(orders, 'open', [paid()], { expectedVersion: 251 })).toMatchObject({ firstVersion: 252 });
    for (const id of ['closed', 'gone', 'archived-and-closed']) {
      await expect(to.append(orders, id, [paid()], { expectedVersion: 'any' })).rejects.toMatchObject({ code: 'STREAM_CLOSED' });
    }
    const head = await source.log.head();
    expect(await backend.log.read(head)).toMatchObject({
      events: [{ position: head + 1, aggregateId: 'open', version: 252 }],
      more: false,
    });
  });

  test('holds the keys of people only when they are asked for', async () => {
    for (const keys of [false, true]) {
      const { backend } = await fresh(store);
      const to = createEventStreams({ backend });
      const lines = await dumped({ keys });
      expect(lines.some(({ kind }) => kind === 'key')).toBe(keys);
      await to.restore(asFile(lines));
      expect(await all(to.read(people, filled.person))).toMatchObject([{ data: { name: keys ? 'Anna' : FORGOTTEN } }]);
    }
  });

  test('has the subscriptions: they go on from their checkpoints, with what they had parked', async () => {
    const { backend } = await fresh(store);
    const [head, total] = [await source.log.head(), 4];
    const { subscriptions } = source;
    const owner = 'test';
    await subscriptions.open('billing', total, 3);
    const { partitions } = await subscriptions.hold('billing', owner, 60_000);
    const [event] = (await source.log.read(9, { limit: 1 })).events;
    const failed = partitions[event!.keyHash % total]!;
    const tenureOf = ({ partition, epoch, position }: { partition: number; epoch: number; position: number }) => ({
      subscription: 'billing',
      partition,
      owner,
      epoch,
      position,
    });
    expect(await subscriptions.park(tenureOf(failed), event!, { attempts: 5, error: 'no luck' })).toBe('moved');
    const other = partitions.find(({ partition }) => partition !== failed.partition)!;
    const batch = { events: [], to: head, mark: '', mayBeParked: false, transaction: false };
    expect(await subscriptions.settle(tenureOf(other), batch, () => Promise.resolve())).toBe('moved');
    await subscriptions.leave('billing', owner);
    await subscriptions.setPaused('billing', true);

    const to = createEventStreams({ backend });
    expect(await to.restore(asFile(await dumped()))).toMatchObject({ subscriptions: 1 });
    const stored = async (from: EventBackend) => {
      const [found] = await from.subscriptions.list('billing');
      const letters = await from.subscriptions.letters('billing', 10);
      return {
        name: found!.name,
        paused: found!.paused,
        parked: found!.parked,
        positions: found!.partitions.map(({ partition, position }) => [partition, position]),
        letters: letters.map(({ parkedAt: _at, ...letter }) => letter),
      };
    };
    expect(await stored(backend)).toEqual(await stored(source));
    expect(await stored(backend)).toMatchObject({
      paused: true,
      parked: 1,
      letters: [{ position: event!.position, attempts: 5, error: 'no luck' }],
    });
    await subscriptions.remove('billing');
  });

  test('leaves out read models: where it is restored they are made anew, of all events', async () => {
    const logger = pino({ level: 'silent' });
    const onError = (error: unknown) => logger.error(error);
    const limits = DEFAULT_PAYLOAD_LIMITS;
    const count = async (backend: EventBackend): Promise<number> => {
      const opened = openEvents({ backend, limits, onError });
      let handled = 0;
      const projection = await opened.events.project({
        name: 'counted',
        version: 1,
        events: [orders],
        tables: [],
        handle: () => void handled++,
      });
      await projection.subscription.caughtUp();
      await opened.close();
      return handled;
    };
    const handled = await count(source);
    expect(handled).toBeGreaterThan(1000);
    const { backend } = await fresh(store);
    expect(await createEventStreams({ backend }).restore(asFile(await dumped()))).toMatchObject({ subscriptions: 0 });
    expect(await count(backend)).toBe(handled);
  });

  test('is not restored into a store that has events, or had', async () => {
    const { backend } = await fresh(store);
    const to = createEventStreams({ backend });
    await to.append(orders, 'x', [placed()], { expectedVersion: 'none' });
    const before = await allLogged(backend);
    await expect(to.restore(asFile(await dumped()))).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
    expect(await allLogged(backend)).toEqual(before);
  });

  describe('that is damaged is refused', () => {
    const cut: Record<string, (lines: DumpLine[]) => unknown[]> = {
      'without its end': (lines) => lines.slice(0, -1),
      'without its beginning': (lines) => lines.slice(1),
      'with an event missing in a stream': (lines) => lines.filter((line) => !(line.kind === 'event' && line.version === 3)),
      'with the last event of all missing': (lines) => {
        const last = lines.findLastIndex(({ kind }) => kind === 'event');
        return lines.filter((_line, i) => i !== last);
      },
      'with a line that is something else': (lines) => [...lines.slice(0, 5), { kind: 'nonsense' }, ...lines.slice(5)],
      'with a line that is no object': (lines) => [...lines.slice(0, 5), null, ...lines.slice(5)],
      'of a newer format': ([first, ...rest]) => [{ ...first, format: 2 }, ...rest],
      'that goes on after its end': (lines) => [...lines, lines[1]],
      'that is empty': () => [],
    };
    test.each(Object.entries(cut))('%s', async (_what, damage) => {
      const { backend } = await fresh(store);
      const lines = await dumped();
      await expect(createEventStreams({ backend }).restore(asFile(damage(lines) as DumpLine[]))).rejects.toMatchObject({
        code: 'INVALID_INPUT',
      });
    });
  });
});

describe('a dump of one kind of store in another', () => {
  const stores = [useStore('redis'), useStore('postgres')] as const;

  test.each([
    [0, 1],
    [1, 0],
  ] as const)('store %i into store %i: the same reads, and subscriptions miss nothing', async (from, to) => {
    const source = (await fresh(stores[from])).backend;
    const target = (await fresh(stores[to])).backend;
    const { ids } = await fill(source);
    await source.subscriptions.open('billing', 3, 7);
    const { partitions } = await source.subscriptions.hold('billing', 'test', 60_000);
    const [first] = partitions;
    const tenure = { subscription: 'billing', partition: first!.partition, owner: 'test', epoch: first!.epoch, position: 7 };
    const batch = { events: [], to: 20, mark: '', mayBeParked: false, transaction: false };
    await source.subscriptions.settle(tenure, batch, () => Promise.resolve());
    await source.subscriptions.leave('billing', 'test');

    const [read, write] = [createEventStreams({ backend: source }), createEventStreams({ backend: target })];
    await write.restore(asFile(await all(read.dump())));
    expect(await allLogged(target)).toEqual(await allLogged(source));
    expect(await heads(write, ids)).toEqual(await heads(read, ids));
    const [stored] = await target.subscriptions.list('billing');
    expect(stored!.partitions.map(({ position }) => position)).toEqual([7, 7, 7]);
  });
});
