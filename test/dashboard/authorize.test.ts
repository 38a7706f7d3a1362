import request from 'supertest';
import { describe, expect, test, vi } from 'vitest';
import { engineOf } from '../../src/amends.ts';
import { saga, type AnySaga } from '../../src/flows/saga.ts';
import { operationJob } from '../../src/queues/advance.ts';
import { operationJobId } from '../../src/queues/names.ts';
import { namedStep, OrderInput } from '../engine/fixture.ts';
import { eventually } from '../support/eventually.ts';
import { STORE_KINDS } from '../support/stores.ts';
import { ask, refused } from './api-client.ts';
import { tripSaga, useBench, type Bench } from './fixture.ts';
import { Listener } from './listener.ts';

const auth = { user: 'ann', password: 'long-enough' };

async function stuck(bench: Bench, ...ids: readonly string[]): Promise<void> {
  Object.assign(bench.services, { declines: true, canUndo: false });
  const sagas = [tripSaga(), tripSaga('payroll')];
  await bench.work(...sagas);
  for (const id of ids) {
    const run = await bench.amends.start(id.startsWith('pay') ? sagas[1]! : sagas[0]!, { order: id }, { id });
    expect((await run.outcome({ timeoutMs: 15_000 })).status).toBe('stuck');
    const place = { queue: 'service-stock', jobId: operationJobId(id, 'reserve_stock', 'compensate') };
    await eventually(async () => expect(await engineOf(bench.amends).queues.stateOf(place)).toBe('failed'));
  }
}

function board(...parts: readonly string[]): string {
  return ['/queues/api/queues', ...parts.map(encodeURIComponent)].join('/');
}

const undoOf = (id: string): string => operationJobId(id, 'reserve_stock', 'compensate');

describe.each(STORE_KINDS)('what authorize says of single transactions on %s', (kind) => {
  const bench = useBench(kind, { apart: true });

  test('is so in lists, counts, the inbox, changes and jobs, and for each act', async () => {
    await stuck(bench, 'trip-1', 'pay-1');
    const { url } = await bench.open({ authorize: (_request, _action, transaction) => transaction?.saga !== 'payroll' });
    const ids = (rows: readonly { readonly id: string }[]): string[] => rows.map(({ id }) => id);
    expect(ids((await ask(url, 'transactions')).transactions)).toEqual(['trip-1']);
    expect(ids((await ask(url, 'transactions', { query: 'id=pay-1' })).transactions)).toEqual([]);
    expect((await request(url).get('/api/v1/transactions.csv').expect(200)).text).not.toContain('pay-1');
    const inbox = await ask(url, 'inbox');
    expect([inbox.count, inbox.groups.map(({ saga }) => saga)]).toEqual([1, ['trip']]);
    const filter = { status: ['stuck'] };
    expect(await ask(url, 'bulkPreview', { body: { filter, action: 'retry' } })).toMatchObject({ count: 1, sample: [{ id: 'trip-1' }] });
    for (const name of ['transaction', 'history', 'attempts'] as const)
      expect(await refused(url, name, { path: { id: 'pay-1' } })).toBe('403 HTTP_403');
    expect(await refused(url, 'preview', { path: { id: 'pay-1', action: 'retry' } })).toBe('403 HTTP_403');

    const jobs = await request(url).get(`/queues/api/queues`).query({ activeQueue: 'service-stock', status: 'failed' }).expect(200);
    expect(jobs.text).toContain('trip-1');
    expect(jobs.text).not.toContain('pay-1');
    await request(url)
      .get(board('service-stock', undoOf('trip-1')))
      .expect(200);
    for (const what of ['', 'flow', 'logs']) {
      const path = board('service-stock', undoOf('pay-1'), ...(what === '' ? [] : [what]));
      expect([what, (await request(url).get(path)).status]).toEqual([what, 403]);
    }
    for (const path of [
      board('service-stock', undoOf('pay-1'), 'retry'),
      `${board('service-stock', undoOf('pay-1'), 'retry')}/`,
      board('service-stock', undoOf('pay-1'), 'RETRY'),
      board('service-stock', undoOf('pay-1'), 'promote'),
    ]) {
      const answer = await request(url).put(path);
      expect([path, answer.status, JSON.stringify(answer.body)]).toEqual([path, 403, expect.stringContaining('pay-1')]);
    }

    const told = new Listener(`${url}/events`);
    await eventually(() => expect(told.told.length).toBeGreaterThan(0));
    bench.services.canUndo = true;
    for (const id of ['pay-1', 'trip-1']) {
      await bench.amends.get(id).retry({ reason: 'mended' });
      await bench.amends.get(id).outcome({ timeoutMs: 15_000 });
    }
    await eventually(() => expect(told.changes()).toContain('trip-1 compensated'));
    expect(told.changes().filter((text) => text.startsWith('pay-1'))).toEqual([]);
    told.close();
  });

  test('of one that may be seen and not touched: no act, no retry of its job, no retry of all that failed, not in bulk', async () => {
    await stuck(bench, 'trip-1', 'pay-1');
    const { url } = await bench.open({
      authorize: (_request, action, transaction) => action === 'view' || transaction?.saga !== 'payroll',
    });
    const { version } = await bench.amends.get('pay-1').view();
    const act = { path: { id: 'pay-1', action: 'retry' }, body: { version, reason: 'x' } };
    expect(await refused(url, 'act', act)).toBe('403 HTTP_403');
    await request(url)
      .put(board('service-stock', undoOf('pay-1'), 'retry'))
      .expect(403);
    const all = await request(url)
      .put(board('service-stock', 'retry', 'failed'))
      .expect(403);
    expect(JSON.stringify(all.body)).toContain('pay-1');
    const { id } = await ask(url, 'startBulk', { body: { filter: { status: ['stuck'] }, action: 'terminate', reason: 'x' } });
    await eventually(async () =>
      expect(await ask(url, 'bulk', { path: { id } })).toMatchObject({ state: 'done', done: 1, failed: 1, failures: [{ id: 'pay-1' }] }),
    );
    expect((await bench.amends.get('pay-1').view()).version).toBe(version);
  });

  test('Retry in Bull Board, of one or of all, is recorded with who pressed it, however its path is written', async () => {
    await stuck(bench, 'trip-1', 'trip-2', 'trip-3', 'trip-4', 'trip-5');
    bench.services.canUndo = true;
    const { url } = await bench.open({ auth });
    const put = (path: string) => request(url).put(path).auth('ann', 'long-enough');
    await put(board('service-stock', undoOf('trip-1'), 'retry')).expect(204);
    await put(`${board('service-stock', undoOf('trip-2'), 'retry')}/`).expect(204);
    await put(board('service-stock', undoOf('trip-3'), 'RETRY')).expect(204);
    await eventually(async () => expect((await bench.amends.list({ status: ['stuck'] })).transactions).toHaveLength(2));
    await put(board('service-stock', 'retry', 'failed')).expect(200);
    await eventually(async () => expect((await bench.amends.list({ status: ['compensated'] })).transactions).toHaveLength(5));
    for (const id of ['trip-1', 'trip-2', 'trip-3', 'trip-4', 'trip-5']) {
      const { audit } = await ask(bench.dashboard.url, 'transaction', { path: { id } });
      expect([id, audit]).toMatchObject([id, [{ action: 'retry', by: 'ann', reason: 'Retry in Bull Board', before: 'stuck' }]]);
    }
  });

  test.each(['the root', 'a job of its own'])(
    'Retry in Bull Board of fused steps in %s is one of the step that is stuck',
    async (place) => {
      const own = place !== 'the root';
      let known = false;
      const hold = namedStep('hold', []);
      const charge = namedStep('charge', [], {
        use: { pivot: true },
        retry: { attempts: 1 },
        run() {
          throw new Error('the bank hung up');
        },
        verify: () => (known ? { ref: 'found' } : 'unknown'),
      });
      const steps = saga({ name: `fused-${own}`, version: 1, input: OrderInput, fuse: true })
        .step(hold, ({ input }) => input)
        .step(charge, ({ input }) => input, { pivot: true });
      const definition: AnySaga = own ? steps.sleep('rest', 1) : steps;
      await bench.amends.worker({ sagas: [definition], lockMs: 2_000, stallCheckMs: 1_000 }).run();
      const run = await bench.amends.start(definition, { order: 'o1' }, { id: `fused-${own}` });
      const { queue, jobId } = operationJob(definition.plan, run.id, 'charge', 'run');
      await eventually(async () => expect(await engineOf(bench.amends).queues.stateOf({ queue, jobId })).toBe('failed'));
      known = true;
      const { url } = await bench.open({ auth });
      await request(url)
        .put(board(queue, jobId, 'retry'))
        .auth('ann', 'long-enough')
        .expect(204);
      await eventually(async () => expect((await run.view()).status).toBe('completed'));
      const { audit } = await ask(bench.dashboard.url, 'transaction', { path: { id: run.id } });
      expect(audit).toMatchObject([{ action: 'retry', by: 'ann', reason: 'Retry in Bull Board', before: 'stuck' }]);
    },
  );

  test('what is done to a queue is logged with who did it', async () => {
    await bench.work(tripSaga());
    const { url } = await bench.open({ auth });
    const { log } = engineOf(bench.amends);
    const info = vi.spyOn(log, 'info');
    await eventually(async () => {
      await request(url).put(board('service-stock', 'pause')).auth('ann', 'long-enough').expect(200);
    });
    expect(info.mock.calls.at(-1)).toEqual([
      expect.objectContaining({ by: 'ann', params: { queueName: 'service-stock' } }),
      expect.any(String),
    ]);
    await request(url).put(board('service-stock', 'resume')).auth('ann', 'long-enough').expect(200);
    info.mockRestore();
  });
});
