import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { AmendsContender } from './amends.ts';
import type { Contender, Scenario } from './scenario.ts';
import { observedBy, type Observed } from './observed.ts';
import { sameSagaOf, tccOf } from './tcc-definitions.ts';
import { Yardstick } from './yardstick.ts';

/** What a process of its own is to measure. */
export interface Order {
  readonly contender: 'yardstick' | 'amends' | 'tcc' | 'saga' | Observed;
  readonly measure: 'throughput' | 'latency' | 'start' | 'enqueue' | 'backlog' | 'worker';
  readonly scenario: Scenario;
  readonly transactions: number;
  /** Worker processes; 1: in the process that starts. */
  readonly processes: number;
}

export interface Measured {
  /** Per second; for latency milliseconds, the median. */
  readonly value: number;
  readonly p95?: number;
  readonly rssBytes: number;
  /** CPU time of this process for each transaction, microseconds. */
  readonly cpuMicros: number;
  /** Transactions that the store has seen, with those before the measuring. */
  readonly stored: number;
}

const STARTS_AT_ONCE = 100;
const WARM_UP = 150;
/** Until the compiler has seen what a worker does all day: with fewer a short run on Redis measures the compiler. */
const WARM_UP_ON_REDIS = 2_000;
/** The same for runs of one at a time. */
const SINGLES_ON_REDIS = 500;

async function startMany(contender: Contender, from: number, count: number, atOnce: number): Promise<void> {
  let next = from;
  const lane = async (): Promise<void> => {
    while (next < from + count) await contender.start(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}

function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}

async function rate(count: number, before: number, work: () => Promise<void>): Promise<Measured> {
  const cpu = process.cpuUsage();
  const from = performance.now();
  await work();
  const seconds = (performance.now() - from) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  return { value: count / seconds, rssBytes: process.memoryUsage.rss(), cpuMicros: (user + system) / count, stored: before + count };
}

async function latency(contender: Contender, before: number, count: number): Promise<Measured> {
  for (let number = 0; number < before; number++) await contender.run(-1 - number);
  const times: number[] = [];
  const measured = await rate(count, before, async () => {
    for (let number = 0; number < count; number++) {
      const from = performance.now();
      await contender.run(number);
      times.push(performance.now() - from);
    }
  });
  times.sort((a, b) => a - b);
  return { ...measured, value: quantile(times, 0.5), p95: quantile(times, 0.95) };
}

function open({ contender, scenario }: Order): Promise<Contender> {
  switch (contender) {
    case 'yardstick':
      return Promise.resolve(new Yardstick(scenario));
    case 'amends':
      return AmendsContender.open(scenario);
    case 'off':
    case 'metrics':
    case 'traces':
    case 'logs':
      return AmendsContender.open(scenario, undefined, observedBy(contender));
    case 'tcc':
      return AmendsContender.open(scenario, tccOf);
    case 'saga':
      return AmendsContender.open(scenario, sameSagaOf);
  }
}

async function workersOf(order: Order): Promise<readonly ChildProcess[]> {
  const workers = Array.from({ length: order.processes }, () => {
    const child = fork(fileURLToPath(import.meta.url), {
      env: { ...process.env, BENCH_ORDER: JSON.stringify({ ...order, measure: 'worker' }) },
    });
    return child;
  });
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  return workers;
}

async function measure(order: Order, contender: Contender): Promise<Measured> {
  const { transactions } = order;
  if (order.measure === 'start' || order.measure === 'enqueue') {
    const atOnce = order.measure === 'start' ? 1 : STARTS_AT_ONCE;
    await startMany(contender, 0, WARM_UP, atOnce);
    return rate(transactions, WARM_UP, () => startMany(contender, WARM_UP, transactions, atOnce));
  }
  if (order.measure === 'backlog') {
    await startMany(contender, 0, transactions, STARTS_AT_ONCE);
    return rate(transactions, 0, async () => {
      await contender.work();
      await contender.ended();
    });
  }
  const workers = order.processes > 1 ? await workersOf(order) : [];
  try {
    await (order.processes > 1 ? contender.watch() : contender.work());
    const onRedis = order.scenario.store === 'redis';
    if (order.measure === 'latency') return await latency(contender, onRedis ? SINGLES_ON_REDIS : WARM_UP, transactions);
    const warmUp = onRedis ? WARM_UP_ON_REDIS : WARM_UP;
    await startMany(contender, 0, warmUp, STARTS_AT_ONCE);
    await contender.ended();
    return await rate(transactions, warmUp, async () => {
      await startMany(contender, warmUp, transactions, STARTS_AT_ONCE);
      await contender.ended();
    });
  } finally {
    for (const worker of workers) worker.kill('SIGTERM');
  }
}

const order = JSON.parse(process.env['BENCH_ORDER'] ?? '{}') as Order;
const contender = await open(order);
if (order.measure === 'worker') {
  process.once('SIGTERM', () => process.exit(0)); // what is in work is of no interest any more
  await contender.work();
  process.send?.('ready');
} else {
  const measured = await measure(order, contender);
  process.send?.(measured);
  await contender.close();
  process.disconnect?.();
}
