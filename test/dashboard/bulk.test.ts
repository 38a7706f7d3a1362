import request from 'supertest';
import { describe, expect, test } from 'vitest';
import { engineOf } from '../../src/amends.ts';
import { BulkLog } from '../../src/operations/bulk-log.ts';
import { eventually } from '../support/eventually.ts';
import { STORE_KINDS } from '../support/stores.ts';
import { ask, refused } from './api-client.ts';
import { tripSaga, useBench, type Bench } from './fixture.ts';

const REASON = 'the stock service is back';

async function stuckTrips(bench: Bench, count: number): Promise<void> {
  Object.assign(bench.services, { declines: true, canUndo: false });
  await bench.work(tripSaga());
  const ids = Array.from({ length: count }, (_, i) => `trip-${i}`);
  const runs = await Promise.all(ids.map((id) => bench.amends.start(tripSaga(), { order: id }, { id })));
  for (const run of runs) expect((await run.outcome({ timeoutMs: 20_000 })).status).toBe('stuck');
}

describe.each(STORE_KINDS)('bulk acts on %s', (kind) => {
  const bench = useBench(kind, { apart: true });
  const url = (): string => bench.dashboard.url;
  const filter = { status: ['stuck'], saga: 'trip' };

  test('count first, then act on all with progress, and each history says who and why', async () => {
    await stuckTrips(bench, 8);
    expect(await ask(url(), 'bulkPreview', { body: { filter, action: 'retry' } })).toMatchObject({
      count: 8,
      truncated: false,
      byStatus: { stuck: 8 },
    });
    bench.services.canUndo = true;
    const begun = await ask(url(), 'startBulk', { body: { filter, action: 'retry', reason: REASON, ratePerSecond: 100 } });
    expect(begun).toMatchObject({ action: 'retry', total: 8, reason: REASON, by: 'somebody on this machine', ratePerSecond: 100 });
    const path = { id: begun.id };
    await eventually(async () =>
      expect(await ask(url(), 'bulk', { path })).toMatchObject({ state: 'done', done: 8, failed: 0, remaining: 0, error: null }),
    );
    await eventually(async () => expect((await ask(url(), 'transactions', { query: 'status=compensated' })).transactions).toHaveLength(8));
    const { audit } = await ask(url(), 'transaction', { path: { id: 'trip-3' } });
    expect(audit).toMatchObject([{ action: 'retry', reason: REASON, by: 'somebody on this machine' }]);
    expect((await ask(url(), 'bulks')).bulks.map(({ id }) => id)).toEqual([begun.id]);
  });

  test('what can not be done is told with its reason, and the others go on', async () => {
    bench.services.vague = true;
    await bench.work(tripSaga());
    for (const id of ['a', 'b']) await bench.amends.start(tripSaga(), { order: id }, { id });
    await eventually(async () => expect((await ask(url(), 'transactions', { query: 'status=waiting' })).transactions).toHaveLength(2));
    const { id } = await ask(url(), 'startBulk', { body: { filter: { saga: 'trip' }, action: 'retry', reason: REASON } });
    await eventually(async () =>
      expect(await ask(url(), 'bulk', { path: { id } })).toMatchObject({
        state: 'done',
        done: 0,
        failed: 2,
        failures: [
          { id: 'b', code: 'NOT_ALLOWED' },
          { id: 'a', code: 'NOT_ALLOWED' },
        ],
      }),
    );
  });

  test('what does not fit the filter any more when its turn comes is left alone', async () => {
    await stuckTrips(bench, 3);
    // Slow enough for somebody to come in between. The newest come first.
    const { transactions } = await ask(url(), 'transactions', { query: 'status=stuck' });
    const last = transactions.at(-1)!.id;
    const body = { filter, action: 'terminate', reason: REASON, ratePerSecond: 0.2 };
    const { id } = await ask(url(), 'startBulk', { body });
    await bench.amends.get(transactions[1]!.id).terminate({ reason: 'settled by another' });
    bench.services.canUndo = true;
    await bench.amends.get(last).retry({ reason: 'mended by another' });
    expect((await bench.amends.get(last).outcome({ timeoutMs: 15_000 })).status).toBe('compensated');
    await eventually(async () => expect(await ask(url(), 'bulk', { path: { id } })).toMatchObject({ state: 'done', remaining: 0 }), {
      timeoutMs: 20_000,
    });
    expect(await ask(url(), 'bulk', { path: { id } })).toMatchObject({ done: 1, skipped: 2, failed: 0, failures: [] });
    expect((await bench.amends.get(last).view()).status).toBe('compensated');
  });

  test('what is stuck is tried again, given up or taken for undone by hand, at one step or all', async () => {
    await stuckTrips(bench, 4);
    const act = async (action: string, by: object): Promise<unknown> => {
      const { id } = await ask(url(), 'startBulk', { body: { filter: { ...filter, ...by }, action, reason: REASON, ratePerSecond: 100 } });
      await eventually(async () => expect((await ask(url(), 'bulk', { path: { id } })).state).toBe('done'));
      const { total, done, failed } = await ask(url(), 'bulk', { path: { id } });
      return [total, done, failed];
    };
    expect(await act('skip', { step: 'charge_card' })).toEqual([0, 0, 0]);
    expect(await act('skip', { step: 'reserve_stock', idPrefix: 'trip-0' })).toEqual([1, 1, 0]);
    expect(await act('mark_undone', { idPrefix: 'trip-1' })).toEqual([1, 1, 0]);
    const { groups } = await ask(url(), 'inbox');
    expect(groups).toMatchObject([{ step: 'reserve_stock', count: 2 }]);
    bench.services.canUndo = true;
    expect(await act('retry', { step: 'reserve_stock', errorGroup: groups[0]!.errorGroup })).toEqual([2, 2, 0]);
    await eventually(async () => expect((await ask(url(), 'inbox')).count).toBe(0));
    const audits = ['trip-0', 'trip-1'].map(async (id) => (await ask(url(), 'transaction', { path: { id } })).audit);
    expect((await Promise.all(audits)).map(([row]) => [row!.action, row!.step, row!.reason, row!.after])).toEqual([
      ['skip', 'reserve_stock', REASON, 'terminated'],
      ['mark_undone', 'reserve_stock', REASON, 'compensated'],
    ]);
  });

  test('is stopped, by another dashboard too; what was done stays, the rest was not begun', async () => {
    bench.services.vague = true;
    await bench.work(tripSaga());
    for (const id of ['a', 'b', 'c', 'd']) await bench.amends.start(tripSaga(), { order: id }, { id });
    const other = await bench.open();
    for (const stopper of [url(), other.url]) {
      const body = { filter: { saga: 'trip' }, action: 'pause', reason: REASON, ratePerSecond: 0.1 };
      const { id } = await ask(url(), 'startBulk', { body });
      await eventually(async () => expect((await ask(url(), 'bulk', { path: { id } })).remaining).toBe(3));
      await ask(stopper, 'stopBulk', { path: { id }, body: { reason: 'the wrong ones' } });
      const stop = { by: 'somebody on this machine', reason: 'the wrong ones' };
      await eventually(async () =>
        expect(await ask(other.url, 'bulk', { path: { id } })).toMatchObject({ state: 'stopped', remaining: 3, stop }),
      );
    }
    expect((await ask(url(), 'transactions', { query: 'status=paused' })).transactions).toHaveLength(1);
  });

  test('ends as stopped with its dashboard', async () => {
    bench.services.vague = true;
    await bench.work(tripSaga());
    for (const id of ['a', 'b']) await bench.amends.start(tripSaga(), { order: id }, { id });
    const other = await bench.open();
    const body = { filter: { saga: 'trip' }, action: 'pause', reason: REASON, ratePerSecond: 0.1 };
    const { id } = await ask(other.url, 'startBulk', { body });
    await other.close();
    expect(await ask(url(), 'bulk', { path: { id } })).toMatchObject({ state: 'stopped', stop: null });
  });

  test('is shown as interrupted when its process died, and is there after a restart', async () => {
    const engine = engineOf(bench.amends);
    // As a process that died leaves it: begun, and silent since.
    const log = new BulkLog({
      ...engine,
      clock: Object.assign(Object.create(engine.clock) as typeof engine.clock, { nowMs: () => engine.clock.nowMs() + 60_000 }),
    });
    const id = '00000000-0000-4000-8000-000000000000';
    await log.begin(id, { action: 'retry', filter: { saga: 'trip' }, reason: REASON, by: 'ann', ratePerSecond: 1, total: 5 });
    await log.progress(id, { done: 2, unchanged: 0, skipped: 0, failed: 0, failures: [] });
    expect(await log.find(id)).toMatchObject({ state: 'interrupted', done: 2, remaining: 3 });
    expect(await ask(url(), 'bulk', { path: { id } })).toMatchObject({ state: 'running', done: 2 });
  });

  test.each<[string, object, string]>([
    ['no reason', { filter: { saga: 'trip' }, action: 'retry' }, '400 INVALID_OPTION'],
    ['no condition', { filter: {}, action: 'cancel', reason: REASON }, '400 INVALID_OPTION'],
    ['an unknown condition', { filter: { sagas: 'trip' }, action: 'cancel', reason: REASON }, '400 INVALID_OPTION'],
    ['an act that needs data', { filter: { saga: 'trip' }, action: 'signal', reason: REASON }, '400 INVALID_OPTION'],
    ['a rate of none', { filter: { saga: 'trip' }, action: 'retry', reason: REASON, ratePerSecond: 0 }, '400 INVALID_OPTION'],
  ])('%s is refused', async (_what, body, refusal) => {
    expect(await refused(url(), 'startBulk', { body })).toBe(refusal);
    expect((await ask(url(), 'bulks')).bulks).toEqual([]);
  });

  test('one that is not there is not found', async () => {
    for (const id of ['index', 'x', '00000000-0000-4000-8000-000000000001']) {
      expect(await refused(url(), 'bulk', { path: { id } })).toBe('404 HTTP_404');
    }
    await request(url()).post('/api/v1/bulk/x/stop').send({}).expect(404);
  });
});
