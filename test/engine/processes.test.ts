import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { auditOrders } from '../../examples/order/audit.ts';
import { orderSaga, OrderInput } from '../../examples/order/contracts.ts';
import { generateOrders } from '../../examples/order/generate.ts';
import { openOrderServices, type OrderServices } from '../../examples/order/services.ts';
import { serverUrl } from '../support/server-url.ts';
import { useBench } from './fixture.ts';

const built = (path: string): string => fileURLToPath(new URL(`../../dist/${path}`, import.meta.url));

/** Worker processes of the built package, one service each, that can be killed and are then started again. */
class Fleet {
  readonly #running = new Map<string, ChildProcess>();
  readonly #environment: NodeJS.ProcessEnv;
  readonly #arguments: readonly string[];
  #ended = false;

  constructor(url: string, namespace: string, schemaPrefix: string) {
    this.#environment = {
      ...process.env,
      AMENDS_URL: url,
      ORDER_DATABASE_URL: serverUrl('DATABASE_URL'),
      ORDER_SCHEMA_PREFIX: schemaPrefix,
    };
    this.#arguments = ['--namespace', namespace];
  }

  get names(): readonly string[] {
    return [...this.#running.keys()];
  }

  start(name: string, service: string): void {
    const child = spawn(
      process.execPath,
      [built('src/cli/main.js'), ...this.#arguments, 'worker', built(`examples/order/${service}-worker.js`)],
      {
        env: this.#environment,
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    );
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-2_000)));
    child.on('exit', (code) => {
      if (code !== null && code !== 0) console.error(`${name} ended with ${code}: ${said}`);
      if (!this.#ended) this.start(name, service);
    });
    this.#running.set(name, child);
  }

  async kill(name: string): Promise<void> {
    const child = this.#running.get(name)!;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  async end(): Promise<void> {
    this.#ended = true;
    for (const name of this.names) {
      const child = this.#running.get(name)!;
      if (child.exitCode === null && child.signalCode === null) await this.kill(name);
    }
  }
}

describe.each(['redis', 'postgres'] as const)('each service in processes of its own on %s', (kind) => {
  const bench = useBench(kind);
  let fleet: Fleet;
  let services: OrderServices;

  beforeEach(async () => {
    const schemaPrefix = `${bench.store.namespace}_`;
    services = await openOrderServices({ url: serverUrl('DATABASE_URL'), schemaPrefix });
    fleet = new Fleet(bench.store.url, bench.store.namespace, schemaPrefix);
  });
  afterEach(async () => {
    await fleet.end();
    await services.drop();
  });

  test(
    'S111 two payment workers, and workers killed again and again: all orders end and nothing is left behind',
    { timeout: 120_000 },
    async () => {
      fleet.start('orders', 'orders');
      fleet.start('inventory', 'inventory');
      fleet.start('payments 1', 'payments');
      fleet.start('payments 2', 'payments');
      const over = new AbortController();
      const chaos = (async () => {
        for (let i = 0; i < 8 && !over.signal.aborted; i++) {
          await delay(700);
          await fleet.kill(fleet.names[(i * 3) % fleet.names.length]!);
        }
      })();
      const runs = [];
      for (const order of generateOrders({ count: 60, seed: 7 })) {
        await delay(80); // spread over the kills
        if (OrderInput.safeParse(order).success)
          runs.push({ orderId: order.orderId, run: await bench.amends.start(orderSaga, order, { id: order.orderId }) });
      }
      const outcomes = await Promise.all(
        runs.map(async ({ orderId, run }) => ({ orderId, status: (await run.outcome({ timeoutMs: 100_000 })).status })),
      );
      over.abort();
      await chaos;
      const statuses = new Set(outcomes.map(({ status }) => status));
      expect(statuses).toEqual(new Set(['completed', 'compensated']));
      const report = await auditOrders(services.databases, outcomes);
      expect(report.problems).toEqual([]);
      expect(report.netZero).toBe(true);
      // Both payment workers had their share.
      const workers = new Set<string>();
      for (const { run } of runs) {
        for (const { event } of await run.history()) {
          if (event.type === 'step_succeeded' && event.data.step === 'charge_payment') workers.add(event.data.worker);
        }
      }
      expect(workers.size).toBeGreaterThan(1);
    },
  );
});
