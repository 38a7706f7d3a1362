import request from 'supertest';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { pino } from 'pino';
import { connect } from 'amends';
import { startDashboard } from 'amends/dashboard';
import { startRunner } from '../../dashboard/server/runner.ts';
import { orderSaga } from '../engine/fixture.ts';
import { FaultProxy } from '../faults/proxy.ts';
import { eventually } from '../support/eventually.ts';
import { useStore } from '../support/stores.ts';

const UNTIL = { timeoutMs: 20_000 };

describe.each(['redis', 'postgres'] as const)('ready and live, with the store away, on %s', (kind) => {
  const store = useStore(kind);
  let proxy: FaultProxy;
  beforeEach(async () => {
    proxy = await FaultProxy.before(store.url);
  });
  afterEach(() => proxy.close());

  test(
    'not ready while it hangs or refuses, with the reason and no address; live all the time; ready when it is back',
    { timeout: 60_000 },
    async () => {
      await using amends = await connect(proxy.url, { namespace: store.namespace, logger: pino({ level: 'silent' }) });
      const order = orderSaga([]);
      await amends.worker({ sagas: [order] }).run();
      await using runner = await startRunner(amends, { port: 0, notReady: () => [] });
      await using dashboard = await startDashboard(amends, { port: 0 });
      const urls = [runner.url, dashboard.url];
      const areReady = async (): Promise<void> => {
        for (const url of urls) {
          const { body } = await request(url).get('/readyz').expect(200);
          expect(body).toEqual({ status: 'ready', reasons: [] });
        }
      };
      const areOnlyLive = async (reason: RegExp): Promise<void> => {
        for (const url of urls) {
          const { body, text } = await request(url).get('/readyz').expect(503);
          expect((body as { status: string }).status).toBe('not ready');
          const { reasons } = body as { reasons: readonly string[] };
          expect(reasons).toHaveLength(2);
          expect(reasons.map((one) => one.split(':')[0])).toEqual(['journal', 'queue']);
          for (const one of reasons) expect(one).toMatch(reason);
          expect(text).not.toMatch(/127\.0\.0\.1|localhost|ECONN/);
          expect((await request(url).get('/livez').expect(200)).body).toEqual({ status: 'ok' });
        }
      };
      await areReady();
      proxy.freeze();
      await areOnlyLive(/^(journal|queue): no answer within 2000 ms$/);
      proxy.pass();
      await eventually(areReady, UNTIL);
      proxy.refuse();
      await areOnlyLive(/^(journal|queue): (no answer within 2000 ms|failed)/);
      proxy.pass();
      await eventually(areReady, UNTIL);
      // And it does its work again.
      const run = await amends.start(order, { order: 'o' });
      expect((await run.outcome(UNTIL)).status).toBe('completed');
    },
  );
});
