import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  MetricReader,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { metrics as globalMetrics } from '@opentelemetry/api';
import request from 'supertest';
import { afterEach, describe, expect, test } from 'vitest';
import { startDashboard } from 'amends/dashboard';
import { startRunner } from '../../dashboard/server/runner.ts';
import { StepFailed } from '../../src/errors.ts';
import { eventStream } from 'amends';
import * as z from 'zod';
import { connectTo, orderSaga, useBench } from '../engine/fixture.ts';
import { checkoutTcc } from '../engine/tcc-fixture.ts';
import { eventually } from '../support/eventually.ts';
import { STORE_KINDS } from '../support/stores.ts';
import { samplesOf, sum } from './samples.ts';

class Reader extends MetricReader {
  protected onShutdown(): Promise<void> {
    return Promise.resolve();
  }
  protected onForceFlush(): Promise<void> {
    return Promise.resolve();
  }
}

const orders = eventStream({ name: 'orders', version: 1, events: { placed: z.object({}) } });

describe.each(STORE_KINDS)('metrics on %s', (kind) => {
  const bench = useBench(kind);
  afterEach(() => globalMetrics.disable());

  test('/metrics of the dashboard tells what happened and how things stand, and no ids', async () => {
    let answers = false;
    const order = orderSaga(bench.ledger, {
      charge_card: {
        use: {},
        run({ input, attempt }) {
          if (input.order === 'refused') throw new StepFailed('declined');
          if (attempt === 1) throw new Error('no answer');
        },
        compensate: () => Promise.resolve(),
      },
      reserve_stock: {
        compensate({ input }) {
          if (input.order === 'refused' && !answers) throw new Error('away');
        },
      },
    });
    await using dashboard = await startDashboard(bench.amends, { port: 0 });
    await bench.amends.events.subscribe('billing', { events: [orders], from: 'start' }, () => undefined);
    await bench.work([order, checkoutTcc(bench.ledger)]);
    const done = await bench.amends.start(order, { order: 'o' }, { id: `id-${bench.store.namespace}` });
    expect((await done.outcome()).status).toBe('completed');
    const stuck = await bench.amends.start(order, { order: 'refused' });
    expect((await stuck.outcome()).status).toBe('stuck');
    const checkout = await bench.amends.start(checkoutTcc(bench.ledger), { order: 'o' });
    expect((await checkout.outcome()).status).toBe('confirmed');

    const text = await eventually(
      async () => {
        const answer = await request(dashboard.url)
          .get('/metrics')
          .expect(200)
          .expect('Content-Type', /^text\/plain; version=0\.0\.4/);
        expect(sum(samplesOf(answer.text, 'amends_transaction_active'), { amends_status: 'stuck' })).toBe(1);
        return answer.text;
      },
      { timeoutMs: 15_000 },
    );
    const of = (name: string, labels: Readonly<Record<string, string>> = {}): number => sum(samplesOf(text, name), labels);
    expect(of('amends_transaction_started_total', { amends_saga: 'order', amends_kind: 'saga' })).toBe(2);
    expect(of('amends_transaction_started_total', { amends_saga: 'checkout', amends_kind: 'tcc' })).toBe(1);
    expect(of('amends_transaction_ended_total', { amends_saga: 'order', amends_outcome: 'completed' })).toBe(1);
    expect(of('amends_transaction_ended_total', { amends_saga: 'checkout', amends_outcome: 'confirmed' })).toBe(1);
    expect(of('amends_transaction_duration_seconds_count', { amends_saga: 'order' })).toBe(1);
    expect(of('amends_transaction_stuck_total', { amends_saga: 'order' })).toBe(1);
    expect(of('amends_step_duration_seconds_count', { amends_step: 'charge_card', amends_outcome: 'retried' })).toBe(1);
    expect(of('amends_step_duration_seconds_count', { amends_step: 'charge_card', amends_outcome: 'succeeded' })).toBe(1);
    expect(of('amends_step_duration_seconds_count', { amends_step: 'charge_card', amends_outcome: 'failed' })).toBe(1);
    expect(of('amends_compensation_duration_seconds_count', { amends_step: 'reserve_stock', amends_outcome: 'retried' })).toBe(2);
    expect(of('amends_compensation_duration_seconds_count', { amends_step: 'reserve_stock', amends_outcome: 'stuck' })).toBe(1);
    expect(of('amends_confirmation_duration_seconds_count', { amends_saga: 'checkout', amends_outcome: 'succeeded' })).toBe(2);
    expect(of('amends_queue_wait_duration_seconds_count', { messaging_destination_name: 'saga-order' })).toBeGreaterThan(4);
    expect(of('amends_queue_jobs', { messaging_destination_name: 'saga-order', amends_job_state: 'failed' })).toBeGreaterThan(0);
    expect(samplesOf(text, 'amends_subscription_lag').map(({ labels }) => labels)).toEqual([{ amends_subscription: 'billing' }]);
    expect(text).not.toContain(bench.store.namespace);
    expect(text).not.toContain(stuck.id);
    answers = true;
  });

  test('to the SDK that the application registers, also when it does so after it has connected', async () => {
    const order = orderSaga(bench.ledger);
    await bench.work([order]);
    await (await bench.amends.start(order, { order: 'before' })).outcome();
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
    const provider = new MeterProvider({ readers: [reader] });
    globalMetrics.setGlobalMeterProvider(provider);
    await (await bench.amends.start(order, { order: 'after' })).outcome();
    await reader.forceFlush();
    const scopes = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics);
    expect(scopes.map(({ scope }) => scope.name)).toEqual(['amends']);
    const found = new Map(scopes[0]!.metrics.map((metric) => [metric.descriptor.name, metric]));
    expect(found.get('amends.transaction.started')).toMatchObject({
      descriptor: { unit: '{transaction}' },
      dataPoints: [{ value: 1, attributes: { 'amends.saga': 'order', 'amends.kind': 'saga' } }],
    });
    expect(found.get('amends.step.duration')).toMatchObject({ descriptor: { unit: 's' } });
    await provider.shutdown();
  });

  test('telemetry.metrics: a provider of its own; what is none is refused', async () => {
    if (kind === 'embedded') return; // one process, one connection
    const reader = new Reader();
    await using amends = await connectTo(bench.store, { telemetry: { metrics: new MeterProvider({ readers: [reader] }) } });
    const order = orderSaga(bench.ledger);
    await amends.start(order, { order: 'o' });
    const { resourceMetrics } = await reader.collect();
    expect(resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics.map(({ descriptor }) => descriptor.name))).toContain(
      'amends.transaction.started',
    );
    await expect(connectTo(bench.store, { telemetry: { metrics: 1 as never } })).rejects.toThrow(/telemetry\.metrics is number/);
  });
});

describe('what a runner serves', () => {
  const bench = useBench('redis');

  test('live while it runs; ready when it takes jobs and its stores answer, else why not', async () => {
    let reasons: string[] = ['it does not take jobs yet'];
    await using runner = await startRunner(bench.amends, { port: 0, notReady: () => reasons });
    expect((await request(runner.url).get('/livez').expect(200)).body).toEqual({ status: 'ok' });
    expect((await request(runner.url).get('/readyz').expect(503)).body).toEqual({ status: 'not ready', reasons });
    reasons = [];
    expect((await request(runner.url).get('/readyz').expect(200)).body).toEqual({ status: 'ready', reasons });
    await request(runner.url).get('/metrics').expect(200);
    await request(runner.url).post('/metrics').expect(405);
    await request(runner.url).get('/').expect(404);
  });

  test('/metrics is for who may see it; off loopback nobody may without a token', async () => {
    await expect(startRunner(bench.amends, { port: 0, host: '0.0.0.0', notReady: () => [] })).rejects.toThrow(/who may/);
    const token = 'a'.repeat(32);
    await using runner = await startRunner(bench.amends, { port: 0, auth: { token }, notReady: () => [] });
    await request(runner.url).get('/metrics').expect(401);
    await request(runner.url).get('/metrics').set('Authorization', `Bearer ${token}`).expect(200);
    await request(runner.url).get('/livez').expect(200);
    await request(runner.url).get('/readyz').expect(200);
  });
});
