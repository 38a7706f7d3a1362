import { Agent, get as httpGet, request as httpRequest, type IncomingMessage } from 'node:http';
import express from 'express';
import request from 'supertest';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { AmendsError } from 'amends';
import { dashboardRouter, startDashboard, type StartDashboardOptions } from 'amends/dashboard';
import { tripSaga, useBench } from './fixture.ts';

afterEach(() => void vi.unstubAllEnvs());

function fetchOver(agent: Agent, url: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const answered = (response: IncomingMessage): void => {
      response.resume().on('end', () => resolve(response.statusCode));
    };
    httpGet(url, { agent }, answered).on('error', reject);
  });
}

describe('start of the dashboard', () => {
  const bench = useBench('redis');

  test.each<[string, StartDashboardOptions, RegExp]>([
    [
      'an address that others can reach, without authentication',
      { host: '0.0.0.0' },
      /nothing says who may: set AMENDS_DASHBOARD_TOKEN .* auth: \{ token \}/,
    ],
    ['the same for IPv6', { host: '::' }, /nothing says who may/],
    ['names of a proxy, without authentication', { allowedHosts: ['sagas.example.com'] }, /nothing says who may/],
    ['a short token', { auth: { token: 'secret' } }, /token must be a text of at least 16 characters/],
    ['a short password', { auth: { user: 'ann', password: '1234567' } }, /password must be a text of at least 8/],
    ['a user with a colon', { auth: { user: 'a:b', password: 'long-enough' } }, /without a colon/],
    ['neither token nor user', { auth: {} as never }, /auth must be/],
    ['an empty host', { host: '' }, /host is empty/],
    ['trust in whoever says they are a proxy', { trustProxy: true as never }, /trustProxy is true: give the number/],
    ['no proxy', { trustProxy: [] }, /trustProxy is/],
    ['a proxy by name', { trustProxy: ['proxy.example.com'] }, /trustProxy is/],
    ['a proxy of everybody', { trustProxy: ['0.0.0.0/0'] }, /trustProxy is/],
    ['no port number', { port: 70_000 }, /port is 70000/],
  ])('refuses %s', async (_what, options, message) => {
    const refusal = await startDashboard(bench.amends, { port: 0, ...options }).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(AmendsError);
    expect(refusal).toMatchObject({ code: 'INVALID_OPTION', message: expect.stringMatching(message) as string });
    expect(String(refusal)).not.toContain('1234567');
  });

  test('serves another address once a token is configured in the environment', async () => {
    vi.stubEnv('AMENDS_DASHBOARD_TOKEN', 'from-the-environment');
    const dashboard = await bench.open({ host: '0.0.0.0' });
    await request(dashboard.url).get('/').expect(401);
    await request(dashboard.url).get('/api/v1/session').auth('from-the-environment', { type: 'bearer' }).expect(200);
    vi.stubEnv('AMENDS_DASHBOARD_TOKEN', 'short');
    await expect(bench.open()).rejects.toThrow(/at least 16 characters/);
  });

  test('a taken port gives an error that says what to do', async () => {
    const port = Number(new URL(bench.dashboard.url).port);
    await expect(startDashboard(bench.amends, { port })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: `dashboard: can't listen on port ${port} of 127.0.0.1: something listens there already: give another port, or 0 for any free one`,
    });
  });

  test('close ends connections that are kept alive, and may be called twice', async () => {
    const agent = new Agent({ keepAlive: true });
    const dashboard = await bench.open();
    expect(await fetchOver(agent, `${dashboard.url}/healthz`)).toBe(200);
    await Promise.all([dashboard.close(), dashboard.close()]);
    await dashboard.close();
    await expect(fetchOver(agent, `${dashboard.url}/healthz`)).rejects.toThrow(/ECONNREFUSED|ECONNRESET|hang up/);
    agent.destroy();
    await request(bench.dashboard.url).get('/healthz').expect(200);
  });

  test('close lets a request in work finish, and its connection then goes', async () => {
    await bench.work(tripSaga());
    const agent = new Agent({ keepAlive: true });
    const dashboard = await bench.open();
    const resume = httpRequest(`${dashboard.url}/queues/api/queues/service-stock/resume`, {
      agent,
      method: 'PUT',
      headers: { 'Content-Type': 'application/json', 'Content-Length': 2, Expect: '100-continue' },
    });
    const status = new Promise((resolve, reject) => resume.on('error', reject).on('response', ({ statusCode }) => resolve(statusCode)));
    await new Promise((resolve) => resume.on('continue', resolve)); // the server has it, and waits for its body
    const closed = dashboard.close().then(() => performance.now());
    const sentAt = performance.now();
    resume.end('{}');
    expect(await status).toBe(200);
    expect((await closed) - sentAt).toBeLessThan(1_500);
    agent.destroy();
  });

  test('as a router in another app, under any path', async () => {
    await expect(dashboardRouter(bench.amends)).rejects.toMatchObject({ code: 'INVALID_OPTION', message: /auth: false/ });
    const app = express().use('/ops/sagas', await dashboardRouter(bench.amends, { auth: false }));
    await request(app).get('/ops/sagas/api/v1/session').set('Host', 'app.example.com').expect(200);
    const board = await request(app).get('/ops/sagas/queues').expect(200);
    expect(board.text).toContain('<base href="/ops/sagas/queues/"');
    const [script] = /static\/js\/main[^"]+/.exec(board.text) ?? [];
    await request(app)
      .get(`/ops/sagas/queues/${script}`)
      .expect(200)
      .expect('Content-Type', /javascript/);
    await request(app).get('/ops/sagas/healthz').expect(200);
    await request(app).get('/healthz').expect(404);
  });
});
