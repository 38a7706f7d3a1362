import { afterAll, beforeAll, expect, test } from 'vitest';
import { openRedis } from '../../src/connections/redis.ts';
import { Projections, type Projection } from '../../src/events/projection.ts';
import { eventually } from '../support/eventually.ts';
import { describeEachStore } from '../support/stores.ts';
import { event, freshStream, upTo } from '../support/streams.ts';
import { fresh } from '../support/transactions.ts';
import { openEvents, type OpenEvents } from './fixture.ts';

describeEachStore('a projection', (store) => {
  let opened: OpenEvents;
  let projections: Projections;
  /** All rows of a read model as text. */
  let rows: (place: string) => Promise<string>;
  let tables: () => Promise<string[]>;
  const end: (() => Promise<unknown>)[] = [];
  beforeAll(async () => {
    opened = await openEvents(store);
    end.push(opened.close);
    projections = new Projections(opened.backend.projections, opened.subscriptions, (error, what) =>
      opened.errors.push(`${what}: ${String(error)}`),
    );
    const { sql } = opened;
    if (sql === undefined) {
      const redis = await openRedis(store.url);
      end.unshift(() => redis.quit());
      rows = async (place) => JSON.stringify(Object.entries(await redis.hgetall(place)).toSorted(([a], [b]) => (a < b ? -1 : 1)));
      tables = () => redis.keys(`{${store.namespace}}:model:*`);
    } else {
      rows = async (place) =>
        JSON.stringify(
          (await sql.query<{ id: string; cents: string }>(`SELECT id, cents FROM ${place} ORDER BY id`)).rows.map(({ id, cents }) => [
            id,
            cents,
          ]),
        );
      tables = async () =>
        (await sql.query<{ name: string }>(`SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relname LIKE 'totals%'`)).rows.map(
          ({ name }) => name,
        );
    }
  });
  afterAll(async () => {
    for (const one of end) await one();
  });

  function totals(type: string, name: string, version: number, effects: string[], factor = 1): Projection {
    const table = `totals_${name}`;
    return {
      name,
      version,
      events: [type],
      tables: [table],
      setup: ({ tx, table: place }) => tx.query(`CREATE TABLE ${place(table)} (id text PRIMARY KEY, cents text NOT NULL)`),
      async handle({ aggregateId, eventData, version: at }, context) {
        const cents = (eventData as { cents: number }).cents * factor;
        const place = context.table(table);
        if (store.kind === 'redis') context.write('HINCRBY', place, aggregateId, cents);
        else {
          await context.tx.query(
            `INSERT INTO ${place} AS t VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET cents = (t.cents::int + excluded.cents::int)::text`,
            [aggregateId, String(cents)],
          );
        }
        await context.effect(() => effects.push(`v${version} ${aggregateId} ${at}`));
      },
    };
  }

  const names = () => ({ type: fresh('cat').replaceAll('-', '_'), name: `p${fresh('').replaceAll('-', '').slice(0, 12)}` });
  const paid = (cents: number) => event({ cents }, 'paid');

  test('is kept up to date, and a new version that is built beside it equals it: side effects happen once, and it takes its place', async () => {
    const { type, name } = names();
    const streams = upTo(6).map(() => freshStream(type));
    const appendRound = async (round: number): Promise<void> => {
      for (const [i, stream] of streams.entries()) await opened.events.append(stream, [paid(i + round)], { expectedVersion: round });
    };
    await appendRound(0);
    const effects: string[] = [];
    const one = await projections.run(totals(type, name, 1, effects), { partitions: 2 });
    await one.live();
    await one.subscription.caughtUp();
    await appendRound(1);
    await one.subscription.caughtUp();
    expect(effects).toHaveLength(12);
    const first = await rows((await projections.place(name, `totals_${name}`))!);
    expect(first).toContain(streams[5]!.aggregateId);

    // Events come while it is built, and after.
    const building = projections.run(totals(type, name, 2, effects), { partitions: 3, batch: 2 });
    await appendRound(2);
    const two = await building;
    await appendRound(3);
    await two.live();
    expect((await projections.list(name)).map(({ version, live }) => [version, live])).toEqual([
      [1, false],
      [2, true],
    ]);
    await appendRound(4);
    await two.subscription.caughtUp();
    await one.close();

    // What a version that was live all the time would have.
    const expected = JSON.stringify(
      streams.map(({ aggregateId }, i) => [aggregateId, String(5 * i + 10)]).toSorted(([a], [b]) => (a! < b! ? -1 : 1)),
    );
    expect(await rows((await projections.place(name, `totals_${name}`))!)).toBe(expected);
    // In SQL the view shows it.
    const shown = opened.sql === undefined ? (await projections.place(name, `totals_${name}`))! : `totals_${name}`;
    expect(await rows(shown)).toBe(expected);
    // Each event had its side effect, by the one version or by the other; at the moment of the change it may be both.
    const versions = new Map<string, Set<string>>();
    for (const effect of effects) {
      const [version, ...of] = effect.split(' ');
      versions.set(of.join(' '), (versions.get(of.join(' ')) ?? new Set()).add(version!));
    }
    expect(versions.size).toBe(30);
    for (const stream of streams) {
      expect([...versions.get(`${stream.aggregateId} 1`)!]).toEqual(['v1']);
      expect([...versions.get(`${stream.aggregateId} 5`)!]).toEqual(['v2']);
    }

    await projections.retire(totals(type, name, 1, []));
    expect((await tables()).filter((table) => table.includes(name))).toHaveLength(1);
    await expect(projections.retire(totals(type, name, 2, []))).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
    await two.close();
    await expect(projections.run(totals(type, name, 1, []))).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
    expect(opened.errors).toEqual([]);
  });

  test('a building that is given up leaves the live version as it is', async () => {
    const { type, name } = names();
    await opened.events.append(freshStream(type), [paid(1), paid(2)], { expectedVersion: 'none' });
    const effects: string[] = [];
    const one = await projections.run(totals(type, name, 1, effects));
    await one.subscription.caughtUp();
    const broken: Projection = {
      ...totals(type, name, 2, effects),
      handle: () => {
        throw new Error('its code is wrong');
      },
    };
    const two = await projections.run(broken, { attempts: 1000 });
    await eventually(async () => expect((await two.subscription.status()).partitions[0]!.attempts).toBeGreaterThan(0));
    await two.close();
    await projections.retire(broken);
    expect((await projections.list(name)).map(({ version, live }) => [version, live])).toEqual([[1, true]]);
    await opened.events.append(freshStream(type), [paid(3)], { expectedVersion: 'none' });
    await one.subscription.caughtUp();
    expect(effects).toHaveLength(3);
    await one.close();
  });

  test('bad names and versions are refused', async () => {
    const { type, name } = names();
    const good = totals(type, name, 1, []);
    for (const bad of [
      { ...good, name: 'a b' },
      { ...good, version: 0 },
      { ...good, tables: ['x"; DROP TABLE y'] },
    ]) {
      await expect(projections.run(bad)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    }
    expect(await projections.list(name)).toEqual([]);
  });
});
