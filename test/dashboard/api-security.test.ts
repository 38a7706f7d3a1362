import express from 'express';
import request from 'supertest';
import { describe, expect, test } from 'vitest';
import { dashboardRouter } from 'amends/dashboard';
import { ROUTES } from '../../dashboard/api/routes.ts';
import { engineOf } from '../../src/amends.ts';
import { operationJobId } from '../../src/queues/names.ts';
import { eventually } from '../support/eventually.ts';
import { commitOf, started } from '../support/transactions.ts';
import { tripSaga, useBench, type Bench } from './fixture.ts';

const TOKEN = 'correct-horse-battery-staple';
const VIEWER = 'may-look-and-nothing-else';
const ACT = '/api/v1/transactions/trip-1/actions/retry';

async function stuckTrip(bench: Bench, id = 'trip-1'): Promise<number> {
  Object.assign(bench.services, { declines: true, canUndo: false });
  await bench.work(tripSaga());
  const run = await bench.amends.start(tripSaga(), { order: id }, { id });
  expect((await run.outcome({ timeoutMs: 15_000 })).status).toBe('stuck');
  return (await run.view()).version;
}

function isFailure(body: unknown): void {
  expect(body).toEqual({ error: { code: expect.any(String) as string, message: expect.any(String) as string } });
}

describe('security of the API', () => {
  const bench = useBench('redis', { apart: true });

  test('no credentials: 401 on every route, in the shape of the API', async () => {
    const { url } = await bench.open({ auth: { token: TOKEN } });
    const paths = Object.values(ROUTES).map(({ method, path }) => [method, `/api/v1/${path.replace(/:\w+/g, 'x')}`] as const);
    for (const [method, path] of [
      ...paths,
      ['get', '/events'],
      ['get', '/api/openapi.json'],
      ['get', '/api/v1/transactions.csv'],
    ] as const) {
      const { status, body } = await request(url)[method](path);
      expect({ path, status }).toEqual({ path, status: 401 });
      isFailure(body);
    }
  });

  test('a program with the token needs nothing else; a viewer looks and changes nothing', async () => {
    const version = await stuckTrip(bench);
    const { url } = await bench.open({ auth: { token: TOKEN, viewer: { token: VIEWER } } });
    const body = { version, reason: 'stock is back' };
    const session = await request(url).get('/api/v1/session').auth(VIEWER, { type: 'bearer' }).expect(200);
    expect(session.body).toMatchObject({ actor: { role: 'viewer', name: 'token (viewer)' }, may: { retry: false }, mayBulk: false });
    const seen = await request(url).get('/api/v1/transactions/trip-1').auth(VIEWER, { type: 'bearer' }).expect(200);
    expect((seen.body as { actions: unknown }).actions).toEqual([]);
    const asViewer = (path: string) => request(url).post(path).auth('ann', VIEWER);
    isFailure((await asViewer(ACT).send(body).expect(403)).body);
    await asViewer('/api/v1/bulk')
      .send({ filter: { saga: 'trip' }, action: 'retry', reason: 'x' })
      .expect(403);
    await asViewer('/api/v1/bulk/x/stop').send({}).expect(403);
    await asViewer('/api/v1/bulk/preview')
      .send({ filter: { saga: 'trip' }, action: 'retry' })
      .expect(200);
    await request(url).put('/queues/api/queues/service-stock/pause').auth('ann', VIEWER).expect(403);
    await request(url).get('/queues/api/queues').auth('ann', VIEWER).expect(200);
    expect((await bench.amends.get('trip-1').view()).version).toBe(version);
    const done = await request(url).post(ACT).auth(TOKEN, { type: 'bearer' }).send(body).expect(200);
    expect(done.body).toMatchObject({ by: 'token (operator)' });
    await request(url).get('/api/v1/session').auth('no-token-of-anybody', { type: 'bearer' }).expect(401);
  });

  test('with credentials for viewers alone nobody changes anything', async () => {
    const version = await stuckTrip(bench);
    const { url } = await bench.open({ auth: { viewer: { user: 'eve', password: 'long-enough' } } });
    const refused = await request(url).post(ACT).auth('eve', 'long-enough').send({ version, reason: 'x' });
    expect(refused.status).toBe(403);
    await request(url).get('/api/v1/inbox').auth('eve', 'long-enough').expect(200);
  });

  test('behind the middleware of an app nothing is changed, unless authorize says so, by action and transaction', async () => {
    const version = await stuckTrip(bench);
    const app = express().use('/ops', await dashboardRouter(bench.amends, { auth: false }));
    await request(app).get('/ops/api/v1/transactions/trip-1').expect(200);
    await request(app).post(`/ops${ACT}`).send({ version, reason: 'x' }).expect(403);

    const asked: string[] = [];
    const guarded = express().use(
      '/ops',
      await dashboardRouter(bench.amends, {
        auth: false,
        actor: ({ headers }) => String(headers['x-user']),
        authorize(_request, action, transaction) {
          asked.push(`${action} ${transaction?.saga ?? '-'}`);
          return action === 'view' || (action === 'retry' && transaction?.id === 'trip-1');
        },
      }),
    );
    await request(guarded).post('/ops/api/v1/transactions/trip-1/actions/terminate').send({ version, reason: 'x' }).expect(403);
    await request(guarded).put('/ops/queues/api/queues/service-stock/pause').expect(403);
    const done = await request(guarded).post(`/ops${ACT}`).set('X-User', 'ann').send({ version, reason: 'x' }).expect(200);
    expect(done.body).toMatchObject({ by: 'ann' });
    expect(asked).toEqual(expect.arrayContaining(['terminate trip', 'queue -', 'retry trip']));
    const blind = await dashboardRouter(bench.amends, {
      auth: false,
      authorize: (_request, action, one) => action === 'view' && one === undefined,
    });
    await request(express().use(blind)).get('/api/v1/transactions/trip-1').expect(403);
  });

  test('another site can forge nothing: its origin, or the type of the body it may send, gives it away', async () => {
    const version = await stuckTrip(bench);
    const { url } = await bench.open({ auth: { user: 'ann', password: 'long-enough' } });
    const post = () => request(url).post(ACT).auth('ann', 'long-enough');
    const body = { version, reason: 'forged' };
    for (const headers of [{ Origin: 'https://evil.example' }, { Origin: 'null' }, { 'Sec-Fetch-Site': 'cross-site' }]) {
      isFailure((await post().set(headers).send(body).expect(403)).body);
    }
    // What a form can send without being asked about by the browser first.
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
      isFailure((await post().set('Content-Type', type).send(JSON.stringify(body)).expect(415)).body);
    }
    await request(url).post('/api/v1/bulk/x/stop').auth('ann', 'long-enough').expect(415);
    expect((await bench.amends.get('trip-1').view()).version).toBe(version);
    // Nor is it allowed to read: no answer is shared with another origin.
    const seen = await request(url).get('/api/v1/session').auth('ann', 'long-enough').set('Origin', 'https://evil.example');
    expect(seen.headers).not.toHaveProperty('access-control-allow-origin');
    await post().set('Sec-Fetch-Site', 'same-origin').send(body).expect(200);
  });

  test('changes are not made by GET, and unknown methods and paths are refused', async () => {
    const { url } = bench.dashboard;
    const get = await request(url).get(ACT).expect(405);
    expect(get.headers['allow']).toBe('POST');
    isFailure(get.body);
    await request(url).put('/api/v1/bulk').send({}).expect(405).expect('Allow', 'POST, GET, HEAD');
    await request(url).delete('/api/v1/transactions/trip-1').expect(405);
    await request(url).post('/events').send({}).expect(405);
    isFailure((await request(url).get('/api/v1/nothing').expect(404)).body);
    isFailure((await request(url).get('/api/v1/transactions/%ff').expect(400)).body);
    isFailure((await request(url).get('/api/v1/session').set('Host', 'evil.example').expect(421)).body);
    for (const path of ['..%2f..%2fpackage.json', '%2e%2e/package.json', 'transactions/..%2f..%2f..%2fpackage.json/history/x']) {
      expect([path, (await request(url).get(`/api/v1/${path}`)).status]).toEqual([path, 404]);
    }
    const one = await request(url).get('/api/v1/transactions/..%2f..%2fpackage.json');
    expect([one.status, (one.body as { error: { code: string } }).error.code]).toEqual([400, 'INVALID_ID']);
  });

  test('bodies: too large, too deep, broken, or with more than is known', async () => {
    const version = await stuckTrip(bench);
    const post = (text: string) => request(bench.dashboard.url).post(ACT).set('Content-Type', 'application/json').send(text);
    isFailure((await post(JSON.stringify({ version, reason: 'x'.repeat(1_100_000) })).expect(413)).body);
    isFailure((await post(`{"version":${version},"reason":"x","data":${'['.repeat(100_000)}${']'.repeat(100_000)}}`).expect(400)).body);
    for (const text of [
      '{',
      '[]',
      '"x"',
      '',
      'null',
      `{"version":${version},"reason":"x","by":"root"}`,
      `{"__proto__":{"reason":"x"},"version":1}`,
    ]) {
      isFailure((await post(text).expect(400)).body);
    }
    expect((await bench.amends.get('trip-1').view()).version).toBe(version);
  });

  test('headers: nothing is kept, framed or run; scripts in names and errors stay text', async () => {
    await stuckTrip(bench);
    const texts: string[] = [];
    for (const path of ['/api/v1/inbox', '/api/v1/transactions/trip-1', '/api/openapi.json']) {
      const { headers, text } = await request(bench.dashboard.url).get(path).expect(200);
      expect(headers).toMatchObject({
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'content-type': 'application/json; charset=utf-8',
      });
      expect(headers['content-security-policy']).toContain("default-src 'none'");
      texts.push(text);
    }
    for (const text of texts.slice(0, 2)) expect(text).toContain('<img src=x onerror=alert(1)>');
  });

  test('the list as CSV: what a spreadsheet would take for a formula is text', async () => {
    const tags = { note: '=HYPERLINK("http://evil.example","x")' };
    await bench.amends.start(tripSaga(), { order: 'o1' }, { id: 'trip-1', tags });
    const { journal } = engineOf(bench.amends);
    for (const [id, error] of [
      ['a', '=1+1'],
      ['b', '@SUM(A1)'],
      ['c', '\t-2'],
    ] as const) {
      await journal.commit(commitOf(id, 0, [started('trip')], { saga: 'trip', status: 'stuck', error }));
    }
    const answer = await request(bench.dashboard.url).get('/api/v1/transactions.csv?saga=trip').expect(200);
    expect(answer.headers['content-type']).toBe('text/csv; charset=utf-8');
    expect(answer.headers['content-disposition']).toMatch(/^attachment; filename="?transactions.csv"?$/);
    const [header, ...lines] = answer.text.trim().split('\r\n');
    expect(header).toBe('id,saga,kind,definition_version,status,version,tags,error,started_at,updated_at,ended_at');
    expect(lines.map((line) => line.split(',')[0])).toEqual(['c', 'b', 'a', 'trip-1']);
    expect(lines[3]).toContain('"note==HYPERLINK(""http://evil.example"",""x"")"');
    expect(lines.slice(0, 3).map((line) => line.split(',')[7])).toEqual(["'\t-2", "'@SUM(A1)", "'=1+1"]);
    await request(bench.dashboard.url).get('/api/v1/transactions.csv?limit=5').expect(400);
  });

  test('Retry in Bull Board on a stuck compensation is recorded with who pressed it, and goes on', async () => {
    await stuckTrip(bench);
    bench.services.canUndo = true;
    const { url } = await bench.open({ auth: { user: 'ann', password: 'long-enough' } });
    const undo = operationJobId('trip-1', 'reserve_stock', 'compensate');
    await request(url).put(`/queues/api/queues/service-stock/${undo}/retry`).auth('ann', 'long-enough').expect(204);
    await eventually(async () => expect((await bench.amends.get('trip-1').view()).status).toBe('compensated'));
    const { body } = await request(url).get('/api/v1/transactions/trip-1').auth('ann', 'long-enough').expect(200);
    expect((body as { audit: unknown }).audit).toMatchObject([
      { action: 'retry', by: 'ann', reason: 'Retry in Bull Board', before: 'stuck', after: 'compensating' },
    ]);
  });

  test.each([
    ['a trace URL without its place', { traceUrl: 'https://tempo.example.com' }, /traceId/],
    ['a script as trace URL', { traceUrl: 'javascript:alert({traceId})' }, /http/],
    ['a viewer without a secret', { auth: { token: TOKEN, viewer: { token: 'short' } } }, /at least 16/],
    ['authorize that is no function', { authorize: true as never }, /give a function/],
  ])('%s is refused at the start', async (_what, options, message) => {
    await expect(bench.open(options)).rejects.toThrow(message);
  });
});
