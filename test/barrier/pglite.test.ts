import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { barrier, installBarrier, pgliteExecutor, type BarrierCall, type BarrierOutcome } from '../../src/barrier/index.ts';
import { copyEmbeddedStore } from '../support/embedded-template.ts';

let folder: string;
let db: PGlite;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'amends-barrier-pglite-'));
  await copyEmbeddedStore(folder);
  db = await PGlite.create(join(folder, 'data'));
  await Promise.all(Array.from({ length: 3 }, () => installBarrier(pgliteExecutor(db))));
  await db.exec('CREATE TABLE effects (gid text NOT NULL, op text NOT NULL, delta int NOT NULL)');
}, 90_000);
afterAll(async () => {
  await db?.close();
  await rm(folder, { recursive: true, force: true });
});

let gids = 0;
const operations = () => {
  const gid = `gid-${++gids}`;
  const call = (op: BarrierCall['op']): BarrierCall => ({ gid, branchId: 'debit', op, input: { cents: 100 } });
  return { gid, run: call('run'), compensate: call('compensate') };
};

/** One delivery in a transaction of its own; `fail`: its work throws after the write. */
function deliver(call: BarrierCall, { fail = false } = {}): Promise<BarrierOutcome<unknown>> {
  return db.transaction((tx) =>
    barrier(pgliteExecutor(tx), call, async (undone) => {
      await tx.query('INSERT INTO effects VALUES ($1, $2, $3)', [call.gid, call.op, call.op === 'run' ? 1 : -1]);
      if (fail) throw new Error('out of luck');
      return { undone: undone ?? null, ref: call.op };
    }),
  );
}
const effects = async (gid: string) =>
  (await db.query<{ op: string }>('SELECT op FROM effects WHERE gid = $1', [gid])).rows.map(({ op }) => op);

test('runs once, gives a duplicate the result, hands it to the undo, tells another input apart', async () => {
  const { gid, run, compensate } = operations();
  const result = { undone: null, ref: 'run' };
  expect(await deliver(run)).toEqual({ kind: 'executed', result });
  expect(await deliver(run)).toEqual({ kind: 'duplicate', result });
  expect(await deliver({ ...run, input: 'other' })).toEqual({ kind: 'mismatch' });
  expect(await deliver(compensate)).toEqual({ kind: 'executed', result: { undone: result, ref: 'compensate' } });
  expect((await deliver(compensate)).kind).toBe('duplicate');
  expect(await effects(gid)).toEqual(['run', 'compensate']);
});

test('an empty undo bars the late action', async () => {
  const { gid, run, compensate } = operations();
  expect([(await deliver(compensate)).kind, (await deliver(run)).kind]).toEqual(['empty', 'suppressed']);
  expect(await effects(gid)).toEqual([]);
});

test('work that throws leaves nothing behind, and a barrier without a transaction is noticed', async () => {
  const { gid, run } = operations();
  await expect(deliver(run, { fail: true })).rejects.toThrow('out of luck');
  expect(await effects(gid)).toEqual([]);
  const loose = barrier(pgliteExecutor(db), operations().run, () => Promise.resolve(1));
  await expect(loose).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  const outcomes = await Promise.all(Array.from({ length: 10 }, () => deliver(run)));
  expect(outcomes.map(({ kind }) => kind).sort()).toEqual([...Array.from({ length: 9 }, () => 'duplicate'), 'executed']);
});
