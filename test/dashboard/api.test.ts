import request from 'supertest';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { saga, step, type SagaRun } from 'amends';
import { eventually } from '../support/eventually.ts';
import { STORE_KINDS } from '../support/stores.ts';
import { ask, refused } from './api-client.ts';
import { tripSaga, useBench, type Bench } from './fixture.ts';

async function stuckTrip(bench: Bench, id: string, order = 'o1'): Promise<SagaRun<{ ref: string }>> {
  Object.assign(bench.services, { declines: true, canUndo: false });
  const run = await bench.amends.start(tripSaga(), { order }, { id, tags: { customer: 'c1' } });
  expect((await run.outcome({ timeoutMs: 15_000 })).status).toBe('stuck');
  return run;
}

describe.each(STORE_KINDS)('the API of the console on %s', (kind) => {
  const bench = useBench(kind, { apart: true });
  const url = (): string => bench.dashboard.url;

  test('says who asks and what they may do', async () => {
    const session = await ask(url(), 'session');
    expect(session).toMatchObject({
      actor: { name: 'somebody on this machine', role: 'operator' },
      may: { retry: true, mark_undone: true },
      mayBulk: true,
      store: kind,
      namespace: bench.amends.namespace,
      links: { queues: 'queues', trace: null },
    });
    const traced = await bench.open({
      traceUrl: 'https://tempo.example.com/{traceId}',
      authorize: (_request, action) => action === 'view',
    });
    expect(await ask(traced.url, 'session')).toMatchObject({
      actor: { role: 'custom' },
      may: { retry: false },
      mayBulk: false,
      links: { trace: 'https://tempo.example.com/{traceId}' },
    });
  });

  test('lists by what the URL says, and pages', async () => {
    await bench.work(tripSaga());
    for (const order of ['o1', 'o2', 'o3']) {
      await (await bench.amends.start(tripSaga(), { order }, { id: `eu/${order}` })).result({ timeoutMs: 15_000 });
    }
    await stuckTrip(bench, 'us:o4');
    const ids = async (query: string) => (await ask(url(), 'transactions', { query })).transactions.map(({ id }) => id);
    expect(await ids('')).toEqual(['us:o4', 'eu/o3', 'eu/o2', 'eu/o1']);
    expect(await ids('status=stuck&status=terminated')).toEqual(['us:o4']);
    expect(await ids('kind=saga&saga=trip&idPrefix=eu%2F')).toEqual(['eu/o3', 'eu/o2', 'eu/o1']);
    expect(await ids('kind=tcc')).toEqual([]);
    expect(await ids('tag=customer%3Dc1')).toEqual(['us:o4']);
    expect(await ids('tag=customer%3Dc1&tag=customer%3Dc1')).toEqual(['us:o4']);
    expect(await ids('tag=customer%3Dc1&tag=region%3Deu%3D1')).toEqual([]);
    expect(await ids('error=ALERT(1)')).toEqual(['us:o4']);
    expect(await ids('id=eu%2Fo2')).toEqual(['eu/o2']);
    expect(await ids('id=eu%2Fo2&status=stuck')).toEqual([]);
    const first = await ask(url(), 'transactions', { query: 'limit=3' });
    expect(await ids(`limit=3&cursor=${first.nextCursor}`)).toEqual(['eu/o1']);
    const [newest, ...older] = (await ask(url(), 'transactions')).transactions;
    expect(await ids(`fromMs=${newest!.startedAtMs}`)).toEqual(['us:o4']);
    expect(await ids(`toMs=${older.at(-1)!.startedAtMs}`)).toEqual([]);
    const wrong = [
      'limit=0',
      'limit=201',
      'limit=x',
      'status=odd',
      'saga=a&saga=b',
      'tag=x',
      'tag=%3Dc1',
      'tag=customer%3Dc1&tag=customer%3Dc2',
      'cursor=%21',
      'page=2',
      'fromMs=-1',
      '__proto__=1',
    ];
    for (const query of wrong) expect(`${query} ${await refused(url(), 'transactions', { query })}`).toBe(`${query} 400 INVALID_OPTION`);
  });

  test('tells all of a transaction: graph, attempts, what is left behind, jobs, and its history a page at a time', async () => {
    await bench.work(tripSaga());
    const id = 'eu/trip:1';
    await stuckTrip(bench, id);
    const found = await ask(url(), 'transaction', { path: { id } });
    expect(found).toMatchObject({
      id,
      kind: 'saga',
      status: 'stuck',
      direction: 'backward',
      stages: [['reserve_stock'], ['charge_card']],
      notCompensated: ['reserve_stock'],
      turn: { kind: 'step_failed', step: 'charge_card' },
      steps: [
        { name: 'reserve_stock', service: 'stock', hasUndo: true, stuckIn: 'compensate', attempts: 2 },
        { name: 'charge_card', kind: 'pivot', hasUndo: false, status: 'failed', error: { message: 'card declined' } },
      ],
      parent: null,
      children: [],
      audit: [],
    });
    expect(found.actions.map(({ action }) => action)).toEqual(['retry', 'skip', 'mark_undone', 'terminate', 'pause']);
    expect(found.attempts.map(({ step, op, attempt, outcome, idempotencyKey }) => [step, op, attempt, outcome, idempotencyKey])).toEqual([
      ['reserve_stock', 'run', 1, 'succeeded', `${id}:reserve_stock:run`],
      ['charge_card', 'run', 1, 'failed', `${id}:charge_card:run`],
      ['reserve_stock', 'compensate', 1, 'unknown', `${id}:reserve_stock:compensate`],
    ]);
    for (const { worker, queuedAtMs, startedAtMs, endedAtMs } of found.attempts) {
      expect(worker).toEqual(expect.any(String));
      expect(queuedAtMs).toBeLessThanOrEqual(endedAtMs!);
      expect(startedAtMs).toBeLessThanOrEqual(endedAtMs!);
    }
    for (const { url: job } of found.jobs) await request(url()).get(`/${job}`).expect(200);
    const undo = found.jobs.find(({ op }) => op === 'compensate')!;
    const [, , queue, job] = undo.url.split('/');
    // The board looks for new queues every two seconds.
    await eventually(async () => {
      const { body } = await request(url()).get(`/queues/api/queues/${queue}/${job}`).expect(200);
      expect(body).toMatchObject({ job: { externalUrl: { displayText: 'Transaction', href: '../transactions/eu%2Ftrip%3A1' } } });
    });

    const page = await ask(url(), 'history', { path: { id }, query: 'limit=4' });
    expect(page.events.map(({ version }) => version)).toEqual([1, 2, 3, 4]);
    const rest = await ask(url(), 'history', { path: { id }, query: `after=${page.nextAfter}` });
    expect(rest).toMatchObject({ version: found.version, nextAfter: null });
    expect(rest.events.at(-1)).toMatchObject({ type: 'compensation_stuck', text: expect.stringContaining('the stock is') as string });
    expect(await ask(url(), 'attempts', { path: { id }, query: 'from=1&limit=1' })).toMatchObject({
      from: 1,
      total: 3,
      attempts: [{ step: 'charge_card' }],
    });
    expect(await refused(url(), 'transaction', { path: { id: 'nobody' } })).toBe('404 TRANSACTION_NOT_FOUND');
    expect(await refused(url(), 'history', { path: { id: '{}' } })).toBe('400 INVALID_ID');
  });

  test('the inbox groups what is stuck, and a preview and an act with a reason mend it', async () => {
    await bench.work(tripSaga());
    await stuckTrip(bench, 'trip-1');
    await stuckTrip(bench, 'trip-2', 'o2');
    const inbox = await ask(url(), 'inbox');
    expect(inbox).toMatchObject({ count: 2, truncated: false });
    expect(inbox.groups).toMatchObject([
      { saga: 'trip', kind: 'saga', step: 'reserve_stock', op: 'compensate', count: 2, notCompensated: { reserve_stock: 2 } },
    ]);
    // Their errors differ in what is quoted only.
    const [{ step, errorGroup, error }] = inbox.groups as [(typeof inbox.groups)[number]];
    expect([error, errorGroup]).toEqual([
      'the stock is <img src=x onerror=alert(1)> away for "o1"',
      'Error: the stock is <img src=x onerror=alert(…)> away for …',
    ]);
    const query = new URLSearchParams({ saga: 'trip', step, errorGroup }).toString();
    expect((await ask(url(), 'transactions', { query })).transactions.map(({ id }) => id)).toEqual(['trip-2', 'trip-1']);
    for (const other of ['step=charge_card', 'errorGroup=another', `${query}&status=compensated`, `${query}&id=trip-3`]) {
      expect((await ask(url(), 'transactions', { query: other })).transactions).toEqual([]);
    }
    expect((await ask(url(), 'transactions', { query: `${query}&id=trip-1` })).transactions).toHaveLength(1);
    expect(inbox.groups[0]!.examples.map(({ id }) => id)).toEqual(['trip-1', 'trip-2']);
    expect(inbox.groups[0]!.oldestAtMs).toBeLessThanOrEqual(inbox.groups[0]!.newestAtMs);

    const path = { id: 'trip-1', action: 'retry' };
    const preview = await ask(url(), 'preview', { path });
    expect(preview).toMatchObject({
      allowed: true,
      text: 'will try again reserve_stock; it is compensating then',
      before: { status: 'stuck', steps: { reserve_stock: 'compensation_stuck' } },
      after: { status: 'compensating', steps: { reserve_stock: 'compensating' } },
      willRetry: ['reserve_stock'],
      willUndo: ['reserve_stock'],
    });
    const { version } = preview;
    expect(await refused(url(), 'act', { path, body: { version } })).toBe('400 INVALID_OPTION');
    expect(await refused(url(), 'act', { path, body: { version, reason: ' ' } })).toBe('400 INVALID_OPTION');
    expect(await refused(url(), 'act', { path, body: { version: version - 1, reason: 'stock is back' } })).toBe(
      '409 WRONG_EXPECTED_VERSION',
    );
    expect((await bench.amends.get('trip-1').view()).version).toBe(version);
    bench.services.canUndo = true;
    expect(await ask(url(), 'act', { path, body: { version, reason: 'stock is back' } })).toMatchObject({
      changed: true,
      before: 'stuck',
      by: 'somebody on this machine',
    });
    await eventually(async () => expect((await bench.amends.get('trip-1').view()).status).toBe('compensated'));
    const { audit } = await ask(url(), 'transaction', { path: { id: 'trip-1' } });
    expect(audit).toMatchObject([
      {
        action: 'retry',
        step: 'reserve_stock',
        by: 'somebody on this machine',
        reason: 'stock is back',
        before: 'stuck',
        after: 'compensating',
      },
    ]);
    expect(await refused(url(), 'act', { path, body: { version, reason: 'again' } })).toBe('409 WRONG_EXPECTED_VERSION');
    const again = await ask(url(), 'preview', { path });
    expect(again).toMatchObject({ allowed: false, after: null });
    expect(await refused(url(), 'act', { path, body: { version: again.version, reason: 'again' } })).toBe('409 NOT_ALLOWED');
    expect(await refused(url(), 'preview', { path: { id: 'trip-1', action: 'explode' } })).toBe('400 INVALID_OPTION');
    expect((await ask(url(), 'inbox')).groups).toMatchObject([{ count: 1 }]);
  });

  test('what a person undid by hand is taken for undone; what is given up stays', async () => {
    await bench.work(tripSaga());
    for (const [id, action, status] of [
      ['trip-1', 'mark_undone', 'compensated'],
      ['trip-2', 'skip', 'terminated'],
    ] as const) {
      await stuckTrip(bench, id);
      const path = { id, action };
      expect(await refused(url(), 'preview', { path })).toBe('400 INVALID_OPTION');
      const preview = await ask(url(), 'preview', { path, query: 'step=reserve_stock' });
      expect(preview).toMatchObject({ allowed: true, after: { status }, willLeave: action === 'skip' ? ['reserve_stock'] : [] });
      const wrong = await ask(url(), 'preview', { path, query: 'step=charge_card' });
      expect(wrong).toMatchObject({ allowed: false, text: expect.stringContaining('is not stuck') as string });
      const body = { version: preview.version, reason: 'counted in the warehouse', step: 'reserve_stock' };
      expect(await ask(url(), 'act', { path, body })).toMatchObject({ changed: true, after: status });
      const found = await ask(url(), 'transaction', { path: { id } });
      expect(found.notCompensated).toEqual(action === 'skip' ? ['reserve_stock'] : []);
      expect(found.audit).toMatchObject([
        { action, step: 'reserve_stock', reason: 'counted in the warehouse', before: 'stuck', after: status },
      ]);
    }
  });

  test('cancel, pause, resume and terminate', async () => {
    bench.services.vague = true;
    await bench.work(tripSaga());
    const run = await bench.amends.start(tripSaga(), { order: 'o1' }, { id: 'trip-1' });
    await eventually(async () => expect((await run.view()).status).toBe('waiting'));
    const act = async (action: string) => {
      const path = { id: 'trip-1', action };
      // A worker may have begun an attempt between the two: whoever is refused looks again.
      return eventually(async () => {
        const { version, text } = await ask(url(), 'preview', { path });
        const { before, after } = await ask(url(), 'act', { path, body: { version, reason: `to ${action} it` } });
        return [text, before, after];
      });
    };
    expect(await act('pause')).toEqual(['holds it: what is in work settles, nothing new begins, no deadline strikes', 'waiting', 'paused']);
    expect((await act('resume'))[1]).toBe('paused');
    expect((await act('cancel'))[0]).toBe('turns back only if the pivot in flight fails');
    expect((await act('terminate'))[0]).toBe('ends it here and now; left behind: reserve_stock, charge_card');
    const { audit, actions, termination } = await ask(url(), 'transaction', { path: { id: 'trip-1' } });
    expect(audit.map(({ action, reason }) => [action, reason])).toEqual([
      ['pause', 'to pause it'],
      ['resume', 'to resume it'],
      ['cancel', 'to cancel it'],
      ['terminate', 'to terminate it'],
    ]);
    expect(actions).toEqual([]);
    expect(termination).toEqual({ by: 'somebody on this machine', reason: 'to terminate it' });
  });

  test('services: what each queue holds, who takes jobs from it, and what nobody does', async () => {
    await bench.amends.start(tripSaga(), { order: 'o1' });
    await eventually(async () => {
      const found = await ask(url(), 'services');
      expect(found).toMatchObject({ knowsWorkers: true });
      expect(found.unserved.map(({ text }) => text).sort()).toEqual([
        'no worker for charge_card',
        'no worker for reserve_stock; 1 job waits in its queue',
      ]);
    });
    await bench.work(tripSaga());
    await eventually(async () => {
      const found = await ask(url(), 'services');
      expect(found.unserved).toEqual([]);
      expect(found.queues.map(({ name, workers, service, saga }) => [name, workers, service, saga])).toEqual([
        ['saga-trip', 1, null, 'trip'],
        ['service-payments', 1, 'payments', null],
        ['service-stock', 1, 'stock', null],
      ]);
      expect(found.queues[2]!.steps).toEqual([{ saga: 'trip', definitionVersion: 1, step: 'reserve_stock', ops: ['run', 'compensate'] }]);
    });
    for (const { urls } of (await ask(url(), 'services')).queues) for (const one of urls) await request(url()).get(`/${one}`).expect(200);
  });

  test('services: a saga that is retired, with nothing open, needs no worker', async () => {
    const solo = step({ name: 'solo', input: z.object({}), result: z.object({}), run: () => ({}), compensate: () => undefined });
    const retired = saga({ name: 'retired', version: 1, input: z.object({}) }).step(solo, () => ({}));
    const worker = bench.amends.worker({ sagas: [retired] });
    await worker.run();
    await (await bench.amends.start(retired, {}, { id: 'retired-1' })).result({ timeoutMs: 15_000 });
    // Its root may still be in the queue.
    await eventually(async () =>
      expect((await ask(url(), 'services')).queues).toMatchObject([{ active: 0, waiting: 0, waitingChildren: 0 }]),
    );
    await worker.close();
    await eventually(async () => {
      const { queues, unserved } = await ask(url(), 'services');
      expect(queues).toMatchObject([{ name: 'saga-retired', workers: 0 }]);
      expect(unserved).toEqual([]);
    });
    await bench.amends.start(retired, {}, { id: 'retired-2' });
    await eventually(async () => expect((await ask(url(), 'services')).unserved).toMatchObject([{ step: 'solo', queue: 'saga-retired' }]));
  });

  test('statistics of what started in a window', async () => {
    await bench.work(tripSaga());
    for (const order of ['o1', 'o2', 'o3']) await (await bench.amends.start(tripSaga(), { order })).result({ timeoutMs: 15_000 });
    bench.services.declines = true;
    await (await bench.amends.start(tripSaga(), { order: 'o4' })).outcome({ timeoutMs: 15_000 });
    const found = await ask(url(), 'statistics', { query: 'saga=trip&windowMs=600000' });
    expect(found.sagas).toMatchObject([{ saga: 'trip', started: 4, succeeded: 3, undone: 1, undoRate: 0.25, stuck: 0 }]);
    expect(found.sagas[0]!.p95Ms).toBeGreaterThanOrEqual(found.sagas[0]!.p50Ms!);
    expect(found.buckets).toHaveLength(60);
    expect(found.buckets.reduce((sum, { started }) => sum + started, 0)).toBe(4);
    expect(found.coveredFromMs).toBe(found.fromMs);
    expect(await refused(url(), 'statistics', { query: 'windowMs=1' })).toBe('400 INVALID_OPTION');
  });

  test('event streams can be looked at', async () => {
    const { store } = bench.amends.events;
    for (let i = 1; i <= 3; i++) {
      const events = [{ eventType: 'counted', eventData: { i } }];
      await store.append({ aggregateType: 'shelf', aggregateId: 'a/b:c' }, events, { expectedVersion: 'any' });
    }
    await store.append({ aggregateType: 'box', aggregateId: '1' }, [{ eventType: 'packed', eventData: null }], { expectedVersion: 'none' });
    expect((await ask(url(), 'categories')).categories).toMatchObject([
      { name: 'box', streams: 1, events: 1 },
      { name: 'shelf', streams: 1, events: 3 },
    ]);
    expect((await ask(url(), 'streams')).streams.map(({ category, id, version }) => [category, id, version])).toEqual([
      ['box', '1', 1],
      ['shelf', 'a/b:c', 3],
    ]);
    expect((await ask(url(), 'streams', { query: 'category=shelf' })).streams).toHaveLength(1);
    const path = { category: 'shelf', id: 'a/b:c' };
    const first = await ask(url(), 'stream', { path, query: 'limit=2' });
    expect(first).toMatchObject({ version: 3, state: 'open', nextAfter: 2, events: [{ data: { i: 1 } }, { data: { i: 2 } }] });
    expect(await ask(url(), 'stream', { path, query: 'limit=2&after=2' })).toMatchObject({ nextAfter: null, events: [{ data: { i: 3 } }] });
    expect(await refused(url(), 'stream', { path: { category: 'shelf', id: 'none' } })).toBe('404 STREAM_NOT_FOUND');
    expect(await refused(url(), 'stream', { path: { category: 'transaction', id: 'x' } })).toBe('409 NOT_ALLOWED');
  });
});
