import { AmendsContender } from './amends.ts';
import { observedBy } from './observed.ts';
import type { Order } from './order.ts';
import { bePeer, Peers, startMany } from './peers.ts';
import { checkCounted, type Contender } from './scenario.ts';
import { sameSagaOf, tccOf } from './tcc-definitions.ts';
import { Yardstick } from './yardstick.ts';

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

const WARM_UP = 150;
/** Until the compiler has seen what a worker does all day: with fewer a short run on Redis measures the compiler. */
const WARM_UP_ON_REDIS = 2_000;
/** The same for runs of one at a time. */
const SINGLES_ON_REDIS = 500;

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

function open(order: Order): Promise<Contender> {
  const { contender, scenario } = order;
  switch (contender) {
    case 'yardstick':
      return Promise.resolve(new Yardstick(scenario, order.processes > 1));
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

async function throughput(order: Order, contender: Contender, warmUp: number): Promise<Measured> {
  const { transactions, scenario } = order;
  const peers = await Peers.open(order, contender);
  try {
    await peers.run({ from: 0, count: warmUp });
    const measured = await rate(transactions, warmUp, () => peers.run({ from: warmUp, count: transactions }));
    checkCounted(scenario, warmUp + transactions, await peers.counted());
    return measured;
  } finally {
    await peers.close();
  }
}

async function measure(order: Order, contender: Contender): Promise<Measured> {
  const { transactions, scenario } = order;
  const onRedis = scenario.store === 'redis';
  switch (order.measure) {
    case 'start':
    case 'enqueue': {
      const atOnce = order.measure === 'start' ? 1 : undefined;
      await startMany(contender, { from: 0, count: WARM_UP }, atOnce);
      return rate(transactions, WARM_UP, () => startMany(contender, { from: WARM_UP, count: transactions }, atOnce));
    }
    case 'backlog':
      await startMany(contender, { from: 0, count: transactions });
      return rate(transactions, 0, async () => {
        await contender.work();
        await contender.ended();
        checkCounted(scenario, transactions, contender.counted);
      });
    case 'latency': {
      const before = onRedis ? SINGLES_ON_REDIS : WARM_UP;
      await contender.work();
      const measured = await latency(contender, before, transactions);
      checkCounted(scenario, before + transactions, contender.counted);
      return measured;
    }
    case 'throughput':
      // Each process has a compiler of its own.
      return throughput(order, contender, order.processes * (onRedis ? WARM_UP_ON_REDIS : WARM_UP));
    case 'peer':
      throw new Error('a peer measures nothing itself');
  }
}

const order = JSON.parse(process.env['BENCH_ORDER'] ?? '{}') as Order;
const contender = await open(order);
if (order.measure === 'peer') {
  await bePeer(contender);
} else {
  const measured = await measure(order, contender);
  process.send?.(measured);
  await contender.close();
  process.disconnect?.();
}
