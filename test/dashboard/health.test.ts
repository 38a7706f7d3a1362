import { pino } from 'pino';
import request from 'supertest';
import { describe, expect, test } from 'vitest';
import { connect } from 'amends';
import { startDashboard } from 'amends/dashboard';
import { eventually } from '../support/eventually.ts';
import { serverUrl } from '../support/server-url.ts';
import { STORE_KINDS, useStore } from '../support/stores.ts';
import { tripSaga, useBench } from './fixture.ts';
import { freezableProxy } from './frozen-proxy.ts';

describe.each(STORE_KINDS)('health on %s', (kind) => {
  const bench = useBench(kind);

  test('200 while both stores answer, 503 once they are gone', async () => {
    const ok = { status: 'ok', store: kind, journal: 'ok', queue: 'ok' };
    expect((await request(bench.dashboard.url).get('/healthz').expect(200)).body).toEqual(ok);
    await bench.work(tripSaga());
    const withQueues = await bench.open();
    expect((await request(withQueues.url).get('/healthz').expect(200)).body).toEqual(ok);

    await bench.amends.close();
    for (const { url } of [bench.dashboard, withQueues]) {
      const gone = await request(url).get('/healthz').expect(503);
      const { journal, queue, ...rest } = gone.body as Record<string, string>;
      expect(rest).toEqual({ status: 'unavailable', store: kind });
      expect(journal).toMatch(/^(failed|no answer)/);
      expect(queue).toMatch(/^(failed|no answer)/);
      expect(gone.text).not.toMatch(/127\.0\.0\.1|localhost|\/tmp/);
    }
  });

  test('needs no login, and tells nothing but that', async () => {
    const { url } = await bench.open({ auth: { token: 'a-token-of-some-length' } });
    const { body } = await request(url).get('/healthz').expect(200);
    expect(Object.keys(body as object)).toEqual(['status', 'store', 'journal', 'queue']);
    await request(url).get('/').expect(401);
    await request(url).post('/healthz').expect(405).expect('Allow', 'GET, HEAD');
  });
});

describe('health of a store that hangs', () => {
  const store = useStore('redis');

  test('503 after 2 s, and 200 when it goes on', async () => {
    const proxy = await freezableProxy(serverUrl('REDIS_URL'));
    try {
      await using amends = await connect(proxy.url, { namespace: store.namespace, logger: pino({ level: 'silent' }) });
      await using dashboard = await startDashboard(amends, { port: 0 });
      await request(dashboard.url).get('/healthz').expect(200);
      proxy.freeze();
      const { body } = await request(dashboard.url).get('/healthz').expect(503);
      expect(body).toEqual({
        status: 'unavailable',
        store: 'redis',
        journal: 'no answer within 2000 ms',
        queue: 'no answer within 2000 ms',
      });
      proxy.thaw();
      await eventually(() => request(dashboard.url).get('/healthz').expect(200));
    } finally {
      await proxy.close();
    }
  });
});
