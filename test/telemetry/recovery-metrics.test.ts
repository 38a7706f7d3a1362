import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startDashboard, type Dashboard } from 'amends/dashboard';
import { engineOf } from '../../src/amends.ts';
import { StepFailed } from '../../src/errors.ts';
import { saga } from '../../src/flows/saga.ts';
import { operationJob, rootJob } from '../../src/queues/advance.ts';
import { gate, namedStep, OrderInput, orderSaga, startedOf, useBench } from '../engine/fixture.ts';
import { Sweeper } from '../../src/workers/sweeper.ts';
import { eventually } from '../support/eventually.ts';
import { STORE_KINDS, type StoreKind } from '../support/stores.ts';
import { samplesOf, sum } from './samples.ts';
import { alertSink, SECRET, type Sink } from './sink.ts';

const UNTIL = { timeoutMs: 20_000 };
const deadlyWorker = fileURLToPath(new URL('../engine/deadly-worker.mjs', import.meta.url));

function useMetrics(kind: StoreKind) {
  const bench = useBench(kind);
  let dashboard: Dashboard;
  beforeEach(async () => {
    dashboard = await startDashboard(bench.amends, { port: 0 });
  });
  afterEach(() => dashboard.close());
  const valueOf = async (name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> =>
    sum(samplesOf(await (await fetch(`${dashboard.url}/metrics`)).text(), name), labels);
  return { bench, valueOf };
}

describe.each(STORE_KINDS)('what is recovered, counted on %s', (kind) => {
  const { bench, valueOf } = useMetrics(kind);
  let sink: Sink;
  beforeEach(async () => {
    sink = await alertSink();
  });
  afterEach(() => sink.close());

  test('a job that the sweeper has put back, and the alerts that tell it', async () => {
    const order = orderSaga(bench.ledger);
    expect(await valueOf('amends_sweeper_action_total')).toBe(0);
    const channels = [{ kind: 'webhook', url: sink.url, secret: SECRET, allowPrivate: true }] as const;
    await bench.work([order], { sweepEveryMs: 100, overdueAfterMs: 200, alerts: { channels, everyMs: 100, quietMs: 300 } });
    // Its starter dies between the journal and the queue.
    const id = `lost-${bench.store.namespace}`;
    await engineOf(bench.amends).transactions.start({ plan: order.plan, bindings: order.bindings }, id, startedOf(order, { order: 'o' }));
    expect((await bench.amends.get(id).outcome({ timeoutMs: 15_000 })).status).toBe('completed');
    await eventually(async () => {
      expect(await valueOf('amends_sweeper_action_total', { amends_action: 'restored' })).toBeGreaterThan(0);
      expect(sink.alerts.map(({ rule, kind: what }) => `${what} ${rule}`)).toEqual(['raised sweeper', 'resolved sweeper']);
    }, UNTIL);
    // Counted when the receiver has answered.
    await eventually(async () => {
      const sent = (what: string) => valueOf('amends_alert_sent_total', { amends_alert_rule: 'sweeper', amends_alert_kind: what });
      expect([await sent('raised'), await sent('resolved'), await sent('repeated')]).toEqual([1, 1, 0]);
    }, UNTIL);
    expect(await valueOf('amends_alert_sent_total')).toBe(2);
    expect(await valueOf('amends_sweeper_action_total', { amends_action: 'freed' })).toBe(0);
  });
});

// Not embedded: in its one process nobody is left to recover what it had in work.
describe.each(['redis', 'postgres'] as const)('what others recover, counted on %s', (kind) => {
  const { bench, valueOf } = useMetrics(kind);

  test('an attempt whose worker was killed', { timeout: 60_000 }, async () => {
    const deadly = saga({ name: 'deadly', version: 1, input: OrderInput })
      .step(namedStep('prepare', bench.ledger), ({ input }) => input)
      .step(namedStep('explode', bench.ledger), ({ input }) => input);
    const run = await bench.amends.start(deadly, { order: 'bomb' });
    const child = spawn(process.execPath, [deadlyWorker, bench.store.url, bench.store.namespace], { stdio: 'ignore' });
    expect(await once(child, 'exit')).toEqual([null, 'SIGKILL']);
    await bench.work([deadly]);
    expect((await run.outcome({ timeoutMs: 30_000 })).status).toBe('completed');
    const lost = { amends_saga: 'deadly', amends_step: 'explode', amends_lost: 'worker' };
    expect(await valueOf('amends_attempt_lost_total', lost)).toBe(1);
    expect(await valueOf('amends_attempt_lost_total')).toBe(1);
  });
});

describe('what only Redis needs, counted', () => {
  const { bench, valueOf } = useMetrics('redis');

  test('a root job that would have waited for ever', async () => {
    const [undoing, finish] = [gate(), gate()];
    const order = orderSaga(bench.ledger, {
      charge_card: { run: () => Promise.reject(new StepFailed('declined')) },
      reserve_stock: {
        async compensate() {
          undoing.open();
          await finish.opened;
        },
      },
    });
    await bench.work([order], { sweepEveryMs: 600_000 });
    const run = await bench.amends.start(order, { order: 'o' });
    await undoing.opened;
    const { queues } = engineOf(bench.amends);
    const charge = operationJob(order.plan, run.id, 'charge_card', 'run');
    await eventually(async () => expect(await queues.stateOf(charge)).toBe('failed'));
    // As a redelivered writer may.
    await queues.addChild(charge, rootJob({ id: run.id, saga: 'order' }));
    finish.open();
    expect((await run.outcome({ timeoutMs: 15_000 })).status).toBe('compensated');
    const onError = (error: unknown): void => expect.fail(String(error));
    await new Sweeper(engineOf(bench.amends), { sagas: ['order'], everyMs: 600_000, overdueAfterMs: 0, onError }).sweep();
    expect(await valueOf('amends_sweeper_action_total', { amends_action: 'freed' })).toBe(1);
  });

  test('writes that were lost, once for each loss', async () => {
    const redis = new Redis(bench.store.url);
    try {
      const counters = () => redis.keys(`{${bench.store.namespace}}:canary:*`);
      const others = await counters();
      await bench.work([orderSaga(bench.ledger)]);
      const key = await eventually(async () => {
        const found = (await counters()).find((one) => !others.includes(one));
        expect(found).toBeDefined();
        expect(Number(await redis.get(found!))).toBeGreaterThan(2);
        return found!;
      }, UNTIL);
      expect(await valueOf('amends_store_loss_total')).toBe(0);
      // As little as can be lost: the last one that was written.
      await redis.decr(key);
      await eventually(async () => expect(await valueOf('amends_store_loss_total')).toBe(1), UNTIL);
      const before = Number(await redis.get(key));
      await eventually(async () => expect(Number(await redis.get(key))).toBeGreaterThan(before + 1), UNTIL);
      expect(await valueOf('amends_store_loss_total')).toBe(1);
    } finally {
      redis.disconnect();
    }
  });
});
