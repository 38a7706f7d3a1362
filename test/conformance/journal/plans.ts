import { beforeAll, describe, expect, test } from 'vitest';
import type { Journal } from '../../../src/journal/journal.ts';
import type { TestStore } from '../../support/stores.ts';
import { upTo } from '../../support/streams.ts';
import { fresh, planOf } from '../../support/transactions.ts';

export function plansSuite(store: TestStore): void {
  let journal: Journal;
  let other: Journal;
  beforeAll(async () => {
    ({ journal } = await store.open());
    ({ journal: other } = await store.open());
  });

  describe('plans', () => {
    test('the first that is registered for a saga and version stays, and every later one gets it back (O14)', async () => {
      const name = fresh('saga');
      const [first, changed] = [planOf(name, 1, ['a', 'b']), planOf(name, 1, ['b', 'a'])];
      expect(await journal.registerPlan(first)).toEqual(first);
      expect(await other.registerPlan(first)).toEqual(first);
      expect(await other.registerPlan(changed)).toEqual(first);
      expect(await other.findPlan(name, 1)).toEqual(first);
    });

    test('of ten registered at once one stays, and all get that one (O14)', async () => {
      const name = fresh('saga');
      const plans = upTo(10).map((n) => planOf(name, 1, [`step_${n}`]));
      const stored = await Promise.all(plans.map((plan, i) => [journal, other][i % 2]!.registerPlan(plan)));
      expect(new Set(stored.map(({ fingerprint }) => fingerprint)).size).toBe(1);
      expect(await journal.findPlan(name, 1)).toEqual(stored[0]);
    });

    test('versions and names are apart, and what nobody registered is not there', async () => {
      const name = fresh('saga');
      const [one, two, cased] = [planOf(name, 1, ['a']), planOf(name, 2, ['a', 'b']), planOf(name.toUpperCase(), 1, ['c'])];
      for (const plan of [one, two, cased]) expect(await journal.registerPlan(plan)).toEqual(plan);
      expect(await journal.findPlan(name, 1)).toEqual(one);
      expect(await journal.findPlan(name, 2)).toEqual(two);
      expect(await journal.findPlan(name.toUpperCase(), 1)).toEqual(cased);
      expect(await journal.findPlan(name, 3)).toBeUndefined();
      expect(await journal.findPlan(fresh('saga'), 1)).toBeUndefined();
      expect(await other.listPlans()).toEqual(expect.arrayContaining([one, two, cased]));
    });

    test('are listed, each once', async () => {
      const { journal: own } = await store.open(`${store.namespace}_plans`);
      expect(await own.listPlans()).toEqual([]);
      const plans = [planOf('a', 1, ['x']), planOf('a', 2, ['x', 'y']), planOf('b', 1, ['x'])];
      for (const plan of [...plans, ...plans]) await own.registerPlan(plan);
      const listed = await own.listPlans();
      expect(listed).toHaveLength(3);
      expect(listed).toEqual(expect.arrayContaining(plans));
    });
  });

  describe('time', () => {
    test("is the store's own, whatever this process believes (S68)", async () => {
      const before = await store.serverTimeMs();
      const now = await journal.timeMs();
      const after = await store.serverTimeMs();
      expect(now).toBeGreaterThanOrEqual(before - 1); // the millisecond is rounded
      expect(now).toBeLessThanOrEqual(after + 1);
      expect(Number.isSafeInteger(now)).toBe(true);
    });
  });
}
