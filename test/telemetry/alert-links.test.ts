import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import * as z from 'zod';
import { eventStream, saga, step } from 'amends';
import { startDashboard } from 'amends/dashboard';
import type { AlertOptions } from '../../src/telemetry/alerts/options.ts';
import { amends, begin } from '../cli/command.ts';
import { namedStep, OrderInput, useBench } from '../engine/fixture.ts';
import { eventually } from '../support/eventually.ts';
import { alertSink, SECRET, type Sink } from './sink.ts';

const UNTIL = { timeoutMs: 20_000 };
const MODULE = fileURLToPath(new URL('watched-shop.mjs', import.meta.url));

/** What the console itself makes its addresses with. It is compiled for browsers, so its types are not known here. */
const { addressOf, base } = (await import(new URL('../../dashboard/ui/browser/place.ts', import.meta.url).href)) as {
  readonly addressOf: (path: readonly string[]) => string;
  readonly base: string;
};
const pathInConsole = (...path: readonly string[]): string => addressOf(path).slice(base.length);

const bench = useBench('redis');
let sink: Sink;
beforeEach(async () => {
  sink = await alertSink();
});
afterEach(() => sink.close());

test('an alert leads to the page of its transaction; one about a queue or a subscription to theirs', async () => {
  await using dashboard = await startDashboard(bench.amends, { port: 0 });
  const fails = (): never => {
    throw Object.assign(new Error('no'), { retryable: false });
  };
  const order = saga({ name: 'decided', version: 1, input: OrderInput }).step(
    namedStep('decide', bench.ledger, { use: { pivot: true }, run: fails }),
    ({ input }) => input,
    { pivot: true },
  );
  const far = step({ name: 'far', service: 'far', input: z.object({ order: z.string() }), result: z.object({}) });
  const trip = saga({ name: 'trip', version: 1, input: OrderInput }).step(far, ({ input }) => input, { pivot: true });
  const placed = eventStream({ name: 'placed', version: 1, events: { placed: z.object({}) } });
  await using follower = await bench.amends.events.subscribe('stubborn', { events: [placed], from: 'start' }, fails);
  await bench.amends.events.append(placed, 'a', [{ type: 'placed', data: {} }], { expectedVersion: 'none' });
  const alerts: AlertOptions = {
    channels: [{ kind: 'webhook', url: sink.url, secret: SECRET, allowPrivate: true }],
    consoleUrl: dashboard.url,
    rules: { noWorker: { afterMs: 300 }, lag: { afterMs: 300 } },
    everyMs: 100,
  };
  await bench.work([order, trip], { alerts });
  // With what must not be taken for a part of the path, or for a query.
  const run = await bench.amends.start(order, { order: 'o' }, { id: 'eu/1:a+b=~@c' });
  await bench.amends.start(trip, { order: 'o' });
  const pageOf = (rule: string): string | undefined => sink.alerts.find((alert) => alert.rule === rule)?.url;
  await eventually(() => {
    expect(pageOf('stuck')).toBe(`${dashboard.url}/${pathInConsole('transactions', run.id)}`);
    expect(pageOf('noWorker')).toBe(`${dashboard.url}/${pathInConsole('services')}`);
    expect(pageOf('lag')).toBe(`${dashboard.url}/${pathInConsole('streams')}`);
  }, UNTIL);
  expect(pathInConsole('transactions', run.id)).toBe('transactions/eu%2F1%3Aa%2Bb%3D~%40c');
  for (const { url } of sink.alerts) {
    const page = await fetch(url!);
    expect([page.status, page.headers.get('content-type')]).toEqual([200, expect.stringContaining('text/html')]);
  }
  await follower.pause();
});

test('a module of amends worker says where the console is', { timeout: 60_000 }, async () => {
  const { url, namespace } = bench.store;
  const of = ['--url', url, '--namespace', `${namespace}_module`];
  const env = { SHOP_CONSOLE: 'https://ops.example.com/amends/', SHOP_WEBHOOK: sink.url, SHOP_SECRET: SECRET, SHOP_JAM: MODULE };
  const worker = begin(['worker', MODULE, ...of], { env });
  try {
    const input = JSON.stringify({ parcelId: 'heavy', kilos: 11 });
    const start = await amends(['start', 'parcel', '--module', MODULE, '--input', '-', '--id-field', 'parcelId', ...of], { input, env });
    expect(start).toMatchObject({ code: 0 });
    await eventually(() => expect(sink.alerts.map(({ rule }) => rule)).toContain('stuck'), { timeoutMs: 40_000 });
    expect(sink.alerts[0]).toMatchObject({ transaction: 'parcel-heavy', url: 'https://ops.example.com/amends/transactions/parcel-heavy' });
  } finally {
    worker.child.kill('SIGTERM');
  }
  expect((await worker.ended).code).toBe(0);
});

test('what is no address of a console is refused; without one alerts carry none', async () => {
  const { ledger } = bench;
  const order = saga({ name: 'decided', version: 1, input: OrderInput }).step(namedStep('decide', ledger), ({ input }) => input);
  const channels: AlertOptions['channels'] = [{ kind: 'webhook', url: sink.url, secret: SECRET, allowPrivate: true }];
  const worker = (consoleUrl: unknown) => () =>
    bench.amends.worker({ sagas: [order], alerts: { channels, consoleUrl: consoleUrl as string } });
  for (const wrong of [
    'ops.example.com',
    'javascript:alert(1)',
    'ftp://x/',
    'https://u:HIDDEN@x/',
    'https://x/?a=1',
    'https://x/#a',
    7,
    null,
  ]) {
    expect(worker(wrong)).toThrow(/consoleUrl must be one of http:\/\/ or https:\/\//);
    expect(worker(wrong)).not.toThrow(/HIDDEN/);
  }
  const jammed = namedStep('jam', ledger, {
    use: { pivot: true },
    run: () => Promise.reject(Object.assign(new Error('no'), { retryable: false })),
  });
  const stuck = saga({ name: 'jammed', version: 1, input: OrderInput }).step(jammed, ({ input }) => input, { pivot: true });
  await bench.work([stuck], { alerts: { channels, everyMs: 100 } });
  await bench.amends.start(stuck, { order: 'o' });
  await eventually(() => expect(sink.alerts.map(({ rule }) => rule)).toEqual(['stuck']), UNTIL);
  expect(sink.alerts[0]).not.toHaveProperty('url');
});
