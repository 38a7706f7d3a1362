import request from 'supertest';
import { describe, expect, test } from 'vitest';
import { tripSaga, useBench } from './fixture.ts';

const TOKEN = 'correct-horse-battery-staple';
const PATHS = ['/', '/queues', '/queues/api/queues', '/queues/static/images/logo.svg', '/nothing'];

async function status(answer: PromiseLike<{ readonly status: number }>): Promise<number> {
  return (await answer).status;
}

describe('security of the dashboard', () => {
  const bench = useBench('redis');

  test('token: 401 without data, then 200 as bearer and as password in a browser', async () => {
    const { url } = await bench.open({ auth: { token: TOKEN } });
    for (const path of PATHS) {
      const refused = await request(url).get(path).expect(401);
      expect(refused.headers['www-authenticate']).toBe('Basic realm="Amends", charset="UTF-8", Bearer realm="Amends"');
      expect(refused.body).toEqual({ error: 'Unauthorized', message: expect.stringContaining('log in') as string });
    }
    await request(url).get('/queues/api/queues').auth(TOKEN, { type: 'bearer' }).expect(200);
    await request(url).get('/queues/api/queues').auth('anybody', TOKEN).expect(200);
    for (const wrong of [`Bearer ${TOKEN}x`, 'Bearer', `Token ${TOKEN}`, `Basic ${Buffer.from(TOKEN).toString('base64')}`, 'Basic !!!']) {
      await request(url).get('/').set('Authorization', wrong).expect(401);
    }
    await request(url).put('/queues/api/queues/pause').expect(401);
  });

  test('user and password: both must be right', async () => {
    const { url } = await bench.open({ auth: { user: 'änn', password: TOKEN } });
    const refused = await request(url).get('/').expect(401);
    expect(refused.headers['www-authenticate']).toBe('Basic realm="Amends", charset="UTF-8"');
    await request(url).get('/api/v1/session').auth('änn', TOKEN).expect(200);
    await request(url).get('/').auth('ann', TOKEN).expect(401);
    await request(url).get('/').auth('änn', `${TOKEN}:`).expect(401);
    await request(url).get('/').auth(TOKEN, { type: 'bearer' }).expect(401);
  });

  test('guessing: 429 after 20 wrong tries, for the right password too', async () => {
    const { url } = await bench.open({ auth: { token: TOKEN } });
    for (let i = 0; i < 20; i++) await request(url).get('/').auth('wrong', { type: 'bearer' }).expect(401);
    const blocked = await request(url).get('/').auth(TOKEN, { type: 'bearer' }).expect(429);
    expect(Number(blocked.headers['retry-after'])).toBeGreaterThan(0);
    await request(url).get('/healthz').expect(200);
  });

  test('guessing: the right credentials forgive no wrong ones, or whoever has some could guess between them', async () => {
    const { url } = await bench.open({ auth: { token: TOKEN, viewer: { token: 'a-viewer-who-guesses' } } });
    const as = (token: string) => status(request(url).get('/api/v1/session').auth(token, { type: 'bearer' }));
    for (let i = 0; i < 19; i++) {
      expect(await as('wrong')).toBe(401);
      expect(await as('a-viewer-who-guesses')).toBe(200);
    }
    expect(await as('wrong')).toBe(401);
    expect(await as('wrong')).toBe(429);
    expect(await as(TOKEN)).toBe(429);
  });

  test('guessing behind a proxy is counted by the address that a trusted one tells, and by its own otherwise', async () => {
    const auth = { token: TOKEN };
    const guess = async (url: string, address: string, token = 'wrong') =>
      status(request(url).get('/api/v1/session').set('X-Forwarded-For', address).auth(token, { type: 'bearer' }));
    for (const trustProxy of [1, ['loopback'], ['127.0.0.0/8', '::1']]) {
      const { url } = await bench.open({ auth, trustProxy });
      for (let i = 0; i < 20; i++) expect(await guess(url, '203.0.113.7')).toBe(401);
      // What a visitor adds stands before what the proxy adds.
      expect(await guess(url, '198.51.100.1, 203.0.113.7', TOKEN)).toBe(429);
      expect(await guess(url, '203.0.113.8', TOKEN)).toBe(200);
    }
    const { url } = await bench.open({ auth });
    for (let i = 0; i < 20; i++) expect(await guess(url, `203.0.113.${i}`)).toBe(401);
    expect(await guess(url, '203.0.113.99', TOKEN)).toBe(429);
  });

  test('guessing from the addresses of one IPv6 network is from one', async () => {
    const { url } = await bench.open({ auth: { token: TOKEN }, trustProxy: 1 });
    const guess = async (address: string, token = 'wrong') =>
      status(request(url).get('/api/v1/session').set('X-Forwarded-For', address).auth(token, { type: 'bearer' }));
    for (let i = 0; i < 20; i++) expect(await guess(i % 2 === 0 ? `2001:db8:0:1::${i}` : `2001:0db8:0:1:ff:${i}:1:1`)).toBe(401);
    expect(await guess('2001:db8::1:0:0:0:9', TOKEN)).toBe(429);
    expect(await guess('2001:db8:0:2::1', TOKEN)).toBe(200);
  });

  test('a foreign Host: 421, against DNS rebinding', async () => {
    const { port } = new URL(bench.dashboard.url);
    for (const path of [...PATHS, '/healthz']) {
      for (const host of ['evil.example', `evil.example:${port}`, '127.0.0.1.evil.example', 'localhost.evil.example']) {
        expect(await status(request(bench.dashboard.url).get(path).set('Host', host))).toBe(421);
      }
    }
    for (const host of ['localhost', `localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`, 'LOCALHOST']) {
      expect(await status(request(bench.dashboard.url).get('/api/v1/session').set('Host', host))).toBe(200);
    }
    const { url } = await bench.open({ auth: { token: TOKEN }, allowedHosts: ['Sagas.example.com'] });
    const through = (host: string) => status(request(url).get('/api/v1/session').set('Host', host).auth(TOKEN, { type: 'bearer' }));
    expect(await through('sagas.example.com')).toBe(200);
    expect(await through('evil.example')).toBe(421);
  });

  test('a change that a page of another origin asks for: 403', async () => {
    await bench.work(tripSaga());
    const { url } = await bench.open();
    const { host } = new URL(url);
    const pause = (headers: Record<string, string>) => status(request(url).put('/queues/api/queues/service-stock/pause').set(headers));
    const foreign = [
      { Origin: 'https://evil.example' },
      { Origin: `http://${host.replace(/\d+$/, '1')}` },
      { Origin: 'null' },
      { 'Sec-Fetch-Site': 'cross-site' },
      { 'Sec-Fetch-Site': 'same-site', Origin: `http://${host}` },
    ];
    for (const headers of foreign) expect(await pause(headers)).toBe(403);
    const added = request(url).post('/queues/api/queues/service-stock/add').set('Origin', 'https://evil.example');
    expect((await added).body).toMatchObject({ message: expect.stringContaining('another origin') as string });
    for (const headers of [{}, { Origin: `http://${host}` }, { 'Sec-Fetch-Site': 'same-origin', Origin: `http://${host}` }]) {
      expect(await pause(headers)).toBe(200);
    }
    expect(await status(request(url).put('/queues/api/queues/service-stock/resume'))).toBe(200);
  });

  test('bodies: 415 unless JSON, 413 when large, 400 when broken', async () => {
    const put = () => request(bench.dashboard.url).put('/queues/api/queues/pause');
    expect(await status(put().set('Content-Type', 'text/plain').send('{}'))).toBe(415);
    expect(await status(put().type('form').send({ a: '1' }))).toBe(415);
    expect(await status(put().send({ a: 'x'.repeat(20_000) }))).toBe(413);
    expect(await status(put().type('json').send('{'))).toBe(400);
  });

  test('reads can be read only; what is not there is not found', async () => {
    const get = (path: string) => status(request(bench.dashboard.url).get(path));
    expect(await status(request(bench.dashboard.url).post('/'))).toBe(405);
    expect(await get('/nothing')).toBe(404);
    expect(await get('/queues/nothing')).toBe(404);
    expect(await get('/queues/api/queues/saga-none/x')).toBe(404);
    expect(await get('/queues/queue/%ff')).toBe(400);
    for (const path of ['..%2f..%2fpackage.json', '%2e%2e/%2e%2e/package.json', '..%5c..%5cpackage.json']) {
      expect([path, [403, 404].includes(await get(`/queues/static/${path}`))]).toEqual([path, true]);
    }
  });

  test('headers: nothing may frame it, nothing foreign is loaded, Express is not named', async () => {
    for (const path of [...PATHS, '/healthz']) {
      const { headers } = await request(bench.dashboard.url).get(path);
      expect(headers).toMatchObject({ 'x-frame-options': 'DENY', 'x-content-type-options': 'nosniff' });
      expect(headers).not.toHaveProperty('x-powered-by');
      const policy = headers['content-security-policy'];
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toMatch(/script-src[^;]*(unsafe|https?:|\*)/);
    }
    const board = await request(bench.dashboard.url).get('/queues').expect(200);
    expect(board.text).not.toMatch(/(src|href)="https?:/);
    expect(board.text).toContain('<title>Amends</title>');
  });
});
