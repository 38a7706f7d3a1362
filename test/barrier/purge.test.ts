import { saga, step } from 'amends';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { purgeBarrier, retentionFloorMs, type PurgeBarrierOptions } from '../../src/barrier/index.ts';
import { DATABASES } from './databases.ts';
import { operations, use } from './fixture.ts';

const DAY_MS = 86_400_000;

const any = z.object({});
const policy = { timeoutMs: 1000, retry: { attempts: 3, maxDelayMs: 500 } };
const pay = step({
  name: 'pay',
  input: any,
  result: any,
  ...policy,
  compensation: { timeoutMs: 2000, retry: { attempts: 2, maxDelayMs: 100 } },
  run: () => ({}),
  compensate: () => undefined,
});
const short = saga({ name: 'short', version: 1, input: any }).step(pay, () => ({}));
const long = saga({ name: 'long', version: 1, input: any, deadlineMs: 7000 }).step(pay, () => ({}));

test('the floor is every attempt and pause of the longest saga, its deadline, and the time to repair it', () => {
  const attempts = 3 * (1000 + 500) + 2 * (2000 + 100);
  expect(retentionFloorMs([short], { repairMs: 0 })).toBe(attempts);
  expect(retentionFloorMs([short, long, short], { repairMs: 5 })).toBe(attempts + 7000 + 5);
  expect(retentionFloorMs([short])).toBe(attempts + 30 * DAY_MS);
});

describe.each(DATABASES)('%s', (_name, Database) => {
  const participant = use(new Database());

  /** A transaction that was done and undone so long ago. */
  async function done(gid: string, ageMs: number, scope = ''): Promise<void> {
    const { run, compensate } = operations(gid);
    for (const call of [run, compensate]) await participant.once({ ...call, scope }, 'read committed');
    await participant.age(gid, scope, ageMs);
  }

  async function kept(prefix: string): Promise<string[]> {
    const rows = await participant.rows<{ gid: unknown; scope: unknown }>('SELECT DISTINCT gid, scope FROM txn_barrier WHERE gid LIKE $1', [
      `${prefix}%`,
    ]);
    return rows.map(({ gid, scope }) => `${String(gid)}${String(scope)}`).sort();
  }

  const purge = (options: Partial<PurgeBarrierOptions>) =>
    purgeBarrier(participant.executor, {
      sagas: [short],
      olderThanMs: 40 * DAY_MS,
      ended: (gids) => gids,
      ...options,
    });

  test('rows younger than the longest delay are not removed, and the floor is said', async () => {
    await done('young-1', 29 * DAY_MS);
    const floor = retentionFloorMs([short]);
    await expect(purge({ olderThanMs: floor - 1 })).rejects.toMatchObject({ code: 'INVALID_OPTION', details: { floorMs: floor } });
    expect(await purge({ olderThanMs: floor })).toBe(0);
    expect(await kept('young')).toEqual(['young-1']);
  });

  test('old rows go in batches, those of other scopes and of transactions that have not ended stay', async () => {
    for (let i = 0; i < 7; i++) await done(`old-${i}`, 41 * DAY_MS);
    await done('old-stuck', 400 * DAY_MS);
    await done('old-0', 41 * DAY_MS, '-elsewhere');
    const batches: number[] = [];
    const ended = (gids: readonly string[]) => {
      batches.push(gids.length);
      // An answer that names more than was asked about must not remove more.
      return Promise.resolve([...gids.filter((gid) => gid !== 'old-stuck'), 'young-1', 'never heard of']);
    };
    expect(await purge({ batch: 3, ended })).toBe(14);
    expect(batches).toEqual([3, 3, 2]);
    expect(await kept('old')).toEqual(['old-0-elsewhere', 'old-stuck']);
    expect(await purge({ ended })).toBe(0);
  });

  test('a transaction with one young row keeps all of them', async () => {
    await done('mixed', 41 * DAY_MS);
    await participant.age('mixed', '', 0, 'compensate');
    expect(await purge({ ended: (gids) => gids.filter((gid) => gid === 'mixed') })).toBe(0);
    expect(await participant.rows(`SELECT 1 FROM txn_barrier WHERE gid = 'mixed'`)).toHaveLength(2);
  });

  test('B22: an undone action whose row is purged would run again: that is what the floor is for', async () => {
    await done('late', 41 * DAY_MS);
    const { run } = operations('late');
    expect((await participant.once(run, 'read committed')).kind).toBe('duplicate');
    await purge({ ended: (gids) => gids.filter((gid) => gid === 'late') });
    expect((await participant.once(run, 'read committed')).kind).toBe('executed');
  });

  test('a signal ends it, and bad options are refused', async () => {
    await expect(purge({ signal: AbortSignal.abort(new Error('shutting down')) })).rejects.toThrow('shutting down');
    for (const bad of [{ sagas: [] }, { batch: 0 }, { olderThanMs: Number.NaN }, { repairMs: -1 }, { schema: 'a b' }]) {
      await expect(purge(bad)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    }
  });
});
