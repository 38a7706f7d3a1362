// Checks what is in ops/: the rules by promtool and its tests of them, and every query of the rules and of the dashboard on a real Prometheus that
// scrapes a real run. Prometheus is the one on PATH, or Debian's package where that may be installed.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import * as z from 'zod';
import { canInstall, install } from './servers/packages.mjs';
import { freePort, run, works } from './servers/process.mjs';

const ops = (path) => fileURLToPath(new URL(`../ops/${path}`, import.meta.url));
const UNTIL_MS = 60_000;

async function bringUpPromtool() {
  const there = async () => (await works('promtool', ['--version'])) && (await works('prometheus', ['--version']));
  if (await there()) return;
  if (canInstall()) await install(['prometheus']);
  if (!(await there()))
    throw new Error('ops/ is checked with promtool and prometheus: install them (on Debian the package prometheus), and have them on PATH');
}

/** What a dashboard must have for Grafana to show it: the parts of its schema that this one uses. */
const Datasource = z.object({ type: z.literal('prometheus'), uid: z.literal('${datasource}') });
const Target = z.strictObject({
  refId: z.string().regex(/^[A-Z]$/),
  expr: z.string().min(1),
  legendFormat: z.string(),
  datasource: Datasource,
});
const Panel = z.strictObject({
  id: z.int().positive(),
  title: z.string().min(1),
  type: z.enum(['stat', 'timeseries']),
  description: z.string().min(1),
  datasource: Datasource,
  gridPos: z.strictObject({ h: z.int().positive(), w: z.int().min(1).max(24), x: z.int().min(0).max(23), y: z.int().min(0) }),
  fieldConfig: z.object({ defaults: z.object({ unit: z.string() }), overrides: z.array(z.unknown()) }),
  options: z.record(z.string(), z.unknown()),
  targets: z.array(Target).min(1),
});
const Dashboard = z.object({
  uid: z.string().max(40),
  title: z.string().min(1),
  schemaVersion: z.int().min(30),
  templating: z.object({ list: z.array(z.object({ name: z.string(), type: z.enum(['datasource', 'query']) })) }),
  panels: z.array(Panel).min(1),
});

function checkedDashboard() {
  const dashboard = Dashboard.parse(JSON.parse(readFileSync(ops('grafana/dashboards/amends.json'), 'utf8')));
  const ids = new Set(dashboard.panels.map(({ id }) => id));
  if (ids.size !== dashboard.panels.length) throw new Error('two panels of the dashboard have one id');
  for (const { title, gridPos } of dashboard.panels) if (gridPos.x + gridPos.w > 24) throw new Error(`panel "${title}" leaves the grid`);
  return dashboard;
}

/** As Grafana fills them in. */
function filledIn(expr) {
  return expr.replaceAll('$__rate_interval', '20s').replaceAll('$saga', '.*');
}

/** A run in which everything happens that there is something to tell of. */
async function realRun(folder) {
  const { connect, eventStream, saga, step, StepFailed, resource, tcc } = await import('amends');
  const { startDashboard } = await import('amends/dashboard');
  const { engineOf } = await import('../dist/src/amends.js');
  const amends = await connect('', { folder: join(folder, 'store'), logger: pino({ level: 'fatal' }) });
  const dashboard = await startDashboard(amends, { port: 0 });
  const input = z.object({ order: z.string() });
  const once = { attempts: 1, delayMs: 1, maxDelayMs: 1 };
  const named = (name, run, compensate) =>
    step({ name, input, result: z.unknown(), retry: once, compensation: { retry: once }, run, compensate });
  const order = saga({ name: 'order', version: 1, input })
    .step(
      named(
        'reserve_stock',
        () => null,
        ({ input: { order } }) => {
          if (order === 'stuck') throw new Error('away');
        },
      ),
      ({ input }) => input,
    )
    .step(
      named(
        'charge_card',
        ({ input: { order } }) => {
          if (order !== 'plain') throw new StepFailed('declined');
          return null;
        },
        () => {},
      ),
      ({ input }) => input,
    );
  const seat = resource({
    name: 'seat',
    input,
    hold: z.unknown(),
    holdForMs: 60_000,
    try: () => null,
    confirm: () => {},
    cancel: () => {},
  });
  const checkout = tcc({ name: 'checkout', version: 1, input, deadlineMs: 30_000 }).reserve(seat, ({ input }) => input);
  const shopped = eventStream({ name: 'shopped', version: 1, events: { placed: z.object({}) } });
  await amends.events.subscribe('billing', { events: [shopped], from: 'start' }, () => {});
  await amends.worker({ sagas: [order, checkout], alerts: { channels: [{ kind: 'callback', call: () => {} }], everyMs: 500 } }).run();
  const { telemetry } = engineOf(amends);
  const begin = async () => {
    await amends.start(order, { order: 'plain' });
    await amends.start(order, { order: 'stuck' });
    await amends.start(order, { order: 'undone' });
    await amends.start(checkout, { order: 'plain' });
    for (const instruments of telemetry.metrics.instruments) {
      // What does not happen in a healthy run.
      instruments.count('lost', { 'amends.saga': 'order', 'amends.step': 'charge_card', 'amends.lost': 'worker' });
      instruments.count('swept', { 'amends.action': 'restored' });
      instruments.count('storeLosses', {});
    }
  };
  return {
    url: dashboard.url,
    begin,
    close: async () => {
      await dashboard.close();
      await amends.close();
    },
  };
}

async function main() {
  await bringUpPromtool();
  const rules = ops('prometheus/amends.rules.yml');
  await run('promtool', ['check', 'rules', rules], { show: true });
  await run('promtool', ['test', 'rules', ops('prometheus/amends.rules.test.yml')], { show: true });
  await run('promtool', ['check', 'config', '--syntax-only', ops('prometheus/prometheus.yml')], { show: true });
  const dashboard = checkedDashboard();

  const folder = mkdtempSync(join(tmpdir(), 'amends-ops-'));
  /** @type {(() => Promise<unknown>)[]} */
  const closing = [async () => rmSync(folder, { recursive: true, force: true })];
  try {
    const real = await realRun(folder);
    closing.push(() => real.close());
    const config = {
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: [rules],
      scrape_configs: [{ job_name: 'amends', static_configs: [{ targets: [new URL(real.url).host] }] }],
    };
    writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(config)); // JSON is YAML
    const port = await freePort();
    const args = [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'tsdb')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ];
    const prometheus = spawn('prometheus', args, { stdio: 'ignore' });
    const exited = once(prometheus, 'exit');
    closing.push(async () => {
      prometheus.kill('SIGTERM');
      await exited;
    });
    const ask = async (path, parameters) => {
      const response = await fetch(`http://127.0.0.1:${port}/api/v1/${path}?${new URLSearchParams(parameters)}`);
      const { status, data, error } = await response.json();
      if (status !== 'success') throw new Error(error);
      return data;
    };
    const queries = dashboard.panels.flatMap(({ title, targets }) => targets.map(({ expr }) => ({ title, expr: filledIn(expr) })));
    let open = queries;
    const deadline = performance.now() + UNTIL_MS;
    while (open.length > 0) {
      if (performance.now() > deadline) {
        throw new Error(
          `queries of the dashboard without an answer:\n${open.map(({ title, expr, error }) => `  ${title}: ${expr}${error ? ` (${error})` : ''}`).join('\n')}`,
        );
      }
      await real.begin();
      await delay(1_000);
      const left = [];
      for (const query of open) {
        try {
          const { result } = await ask('query', { query: query.expr });
          if (result.length === 0) left.push(query);
        } catch (error) {
          left.push({ ...query, error: error.message });
        }
      }
      open = left;
    }
    for (;;) {
      const { groups } = await ask('rules', {});
      const loaded = groups.flatMap((group) => group.rules);
      const broken = loaded.filter(({ health }) => health !== 'ok' && health !== 'unknown'); // not evaluated yet
      if (loaded.length === 0 || broken.length > 0)
        throw new Error(`rules that can't be evaluated: ${broken.map(({ name, lastError }) => `${name}: ${lastError}`).join('; ')}`);
      const silent = new Set(['AmendsTransactionStuck', 'AmendsRedisLostWrites', 'AmendsSweeperRepairs']);
      for (const { name, state } of loaded) if (state !== 'inactive') silent.delete(name);
      if (silent.size === 0 && loaded.every(({ health }) => health === 'ok')) {
        console.log(`${queries.length} queries of the dashboard and ${loaded.length} rules answered by a real Prometheus over a real run`);
        return;
      }
      if (performance.now() > deadline) throw new Error(`these should be firing: ${[...silent].join(', ')}`);
      await real.begin(); // what is told by increases needs two scrapes with something between them
      await delay(1_000);
    }
  } finally {
    for (const close of closing.reverse()) await close();
  }
}

await main();
