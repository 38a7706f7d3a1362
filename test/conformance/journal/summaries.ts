import { beforeAll, describe, expect, test } from 'vitest';
import type { Journal, ListFilter } from '../../../src/journal/journal.ts';
import { STATUSES, TERMINAL, type Status } from '../../../src/machine/state.ts';
import type { TestStore } from '../../support/stores.ts';
import { commitOf, completed, fresh, issued, listIds, start, started } from '../../support/transactions.ts';

export function summariesSuite(store: TestStore): void {
  let journal: Journal;
  beforeAll(async () => {
    ({ journal } = await store.open());
  });

  test('the histories of some come together, each in order and of its own; of none that does not exist', async () => {
    const [one, other] = [fresh(), fresh()];
    const summary = { saga: fresh('saga'), status: 'running' as const };
    await journal.commit(commitOf(one, 0, [started(summary.saga), issued('a')], summary));
    await journal.commit(commitOf(other, 0, [started(summary.saga)], summary));
    await journal.commit(commitOf(one, 2, [issued('b')], summary));
    const found = await journal.histories([other, one, fresh(), one]);
    expect([...found.keys()].sort()).toEqual([one, other].sort());
    for (const id of [one, other]) expect(found.get(id)).toEqual(await journal.read(id));
    expect(found.get(one)!.map(({ version }) => version)).toEqual([1, 2, 3]);
    expect((await journal.histories([])).size).toBe(0);
  });

  describe('summaries', () => {
    test('say what the last commit said', async () => {
      const id = fresh();
      const summary = { saga: fresh('saga'), definitionVersion: 3, tags: { customer: '17850', region: 'Ünïted Kingdom' } };
      await journal.commit(commitOf(id, 0, [started(summary.saga), issued('a')], { ...summary, status: 'running' }));
      const [fresh1, ...none] = await journal.summaries([id]);
      expect(none).toEqual([]);
      expect(fresh1).toEqual({
        id,
        ...summary,
        status: 'running',
        version: 2,
        error: undefined,
        startedAtMs: expect.any(Number),
        updatedAtMs: fresh1!.startedAtMs,
        endedAtMs: undefined,
      });

      const stuck = await journal.commit(commitOf(id, 2, [issued('b')], { ...summary, status: 'stuck', error: 'card "declined" ✓' }));
      const [second] = await journal.summaries([id]);
      const { atMs } = stuck as { atMs: number };
      expect(second).toEqual({ ...fresh1, status: 'stuck', version: 3, error: 'card "declined" ✓', updatedAtMs: atMs });

      const ended = await journal.commit(commitOf(id, 3, [completed()], { ...summary, status: 'completed' }));
      const { atMs: endedAtMs } = ended as { atMs: number };
      expect(await journal.summaries([id])).toEqual([
        { ...second, status: 'completed', version: 4, error: undefined, updatedAtMs: endedAtMs, endedAtMs },
      ]);
    });

    test('an error that was cut in the middle of a character is kept', async () => {
      const id = await start(journal);
      const others = await Promise.all([start(journal), start(journal)]);
      const commits = [id, ...others].map((one) => journal.commit(commitOf(one, 1, [issued('a')], { error: 'no \ud83d…' })));
      for (const { committed } of await Promise.all(commits)) expect(committed).toBe(true);
      const [summary] = await journal.summaries([id]);
      expect(summary!.error).toBe('no \ufffd…');
    });

    test.each(STATUSES)('a transaction that is %s has an end only if that is terminal', async (status) => {
      const id = await start(journal);
      await journal.commit(commitOf(id, 1, [issued('a')], { status }));
      const [summary] = await journal.summaries([id]);
      expect(summary!.endedAtMs).toBe(TERMINAL.has(status) ? summary!.updatedAtMs : undefined);
    });

    test('come for those of the ids that exist', async () => {
      const ids = [await start(journal), await start(journal)];
      expect(await journal.summaries([])).toEqual([]);
      expect(await journal.summaries([fresh()])).toEqual([]);
      const found = await journal.summaries([fresh(), ...ids, fresh()]);
      expect(found.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
    });

    test('show what lists show', async () => {
      const saga = fresh('saga');
      const id = await start(journal, { saga, tags: { a: 'b' }, error: 'e' });
      expect((await journal.list({ saga })).transactions).toEqual(await journal.summaries([id]));
    });
  });

  describe('lists', () => {
    test('by saga hold that saga only, the newest start first', async () => {
      const saga = fresh('saga');
      const ids: string[] = [];
      for (let i = 0; i < 5; i++) {
        ids.push(await start(journal, { saga }));
        await start(journal, { saga: `${saga}2` });
        const now = await journal.timeMs();
        while ((await journal.timeMs()) === now);
      }
      // What happens later does not move a transaction: lists go by its start.
      await journal.commit(commitOf(ids[0]!, 1, [issued('a')], { saga }));
      expect(await listIds(journal, { saga })).toEqual(ids.toReversed());
      expect(await listIds(journal, { saga: fresh('saga') })).toEqual([]);
    });

    test('by status follow every move', async () => {
      const saga = fresh('saga');
      const id = await start(journal, { saga });
      let version = 1;
      for (const status of ['waiting', 'running', 'compensating', 'stuck', 'compensating', 'compensated'] as const) {
        await journal.commit(commitOf(id, version++, [issued('a')], { saga, status }));
        const listed = async (filter: ListFilter): Promise<Status[]> => {
          const found: Status[] = [];
          for (const other of STATUSES) if ((await listIds(journal, { ...filter, status: [other] })).includes(id)) found.push(other);
          return found;
        };
        expect(await listed({ saga })).toEqual([status]);
        expect(await listed({})).toEqual([status]);
      }
    });

    test('by several statuses hold each transaction once', async () => {
      const saga = fresh('saga');
      const running = await start(journal, { saga });
      const stuck = await start(journal, { saga, status: 'stuck' });
      await start(journal, { saga, status: 'paused' });
      expect((await listIds(journal, { saga, status: ['running', 'stuck'] })).toSorted()).toEqual([running, stuck].toSorted());
      expect(await listIds(journal, { saga, status: ['stuck', 'stuck'] })).toEqual([stuck]);
    });

    test('by tags hold what has all of them', async () => {
      const [customer, shop] = [fresh('c'), fresh('s')];
      const both = await start(journal, { tags: { customer, shop } });
      const one = await start(journal, { tags: { customer } });
      const swapped = await start(journal, { tags: { customer: shop, shop: customer } });
      expect((await listIds(journal, { tag: { customer } })).toSorted()).toEqual([both, one].toSorted());
      expect(await listIds(journal, { tag: { customer, shop } })).toEqual([both]);
      expect(await listIds(journal, { tag: { customer: shop } })).toEqual([swapped]);
      expect(await listIds(journal, { tag: { customer, shop: customer } })).toEqual([]);

      await journal.commit(commitOf(one, 1, [completed()], { tags: { customer }, status: 'completed' }));
      expect(await listIds(journal, { tag: { customer }, status: ['completed'] })).toEqual([one]);
    });

    test('tell tags apart that only look alike when written in one line', async () => {
      const key = fresh('k');
      const left = await start(journal, { tags: { a: `${key}:b=c` } });
      const right = await start(journal, { tags: { 'a-': `${key}:b=c`, b: 'c' } });
      const cased = await start(journal, { tags: { a: `${key}:B=C` } });
      expect(await listIds(journal, { tag: { a: `${key}:b=c` } })).toEqual([left]);
      expect(await listIds(journal, { tag: { 'a-': `${key}:b=c` } })).toEqual([right]);
      expect(await listIds(journal, { tag: { a: `${key}:B=C` } })).toEqual([cased]);
      expect(await listIds(journal, { tag: { a: key } })).toEqual([]);
      expect(await listIds(journal, { tag: { a: `${key}%` } })).toEqual([]);
    });

    test('by saga, status and tag hold what fits all three', async () => {
      const [saga, customer] = [fresh('saga'), fresh('c')];
      const fits = await start(journal, { saga, status: 'stuck', tags: { customer } });
      await start(journal, { saga, status: 'running', tags: { customer } });
      await start(journal, { saga, status: 'stuck' });
      await start(journal, { saga: fresh('saga'), status: 'stuck', tags: { customer } });
      expect(await listIds(journal, { saga, status: ['stuck'], tag: { customer } })).toEqual([fits]);
    });
  });
}
