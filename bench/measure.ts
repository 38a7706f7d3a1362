import { once } from 'node:events';
import { AmendsContender } from './amends.ts';
import { observedBy } from './observed.ts';
import type { Measure, Order } from './order.ts';
import { bePeer, Peers, startMany } from './peers.ts';
import { checkCounted, type Contender, type Given, type Scenario } from './scenario.ts';
import { sameSagaOf, tccOf } from './tcc-definitions.ts';
import { Yardstick } from './yardstick.ts';

export interface Measured {
  /** Per second; for latency milliseconds, the median; for opening milliseconds from the start of the process. */
  readonly value: number;
  readonly p95?: number;
  readonly rssBytes: number;
  /** CPU time of this process for each transaction, microseconds. */
  readonly cpuMicros: number;
  /** Transactions that the store has seen, with those before this measuring. */
  readonly stored: number;
}

const WARM_UP = 150;
/** Until the compiler has seen what a worker does all day: with fewer a run on Redis measures the compiler, which has more to do for the side that has more code. */
const WARM_UP_STEPS_ON_REDIS = 10_000;
/** Of transactions that fail, by a process that has carried out others. */
const WARM_UP_FAILING = 1_200;
/** One at a time. */
const WARM_UP_SINGLES = 150;
/** Of those that are measured for throughput. */
const SHARE: Readonly<Partial<Record<Measure, number>>> = { latency: 0.15, compensation: 0.4, start: 0.2, enqueue: 0.4 };

function warmUpOf({ store, steps }: Scenario): number {
  return store === 'redis' ? Math.max(WARM_UP, Math.ceil(WARM_UP_STEPS_ON_REDIS / steps)) : WARM_UP;
}

function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
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

/** One side that is measured, and what it has been given to do so far. */
class Measuring {
  readonly #order: Order;
  readonly #contender: Contender;
  /** Milliseconds from the beginning of the process. */
  readonly #openMs = performance.now();
  #stored = 0;
  #given: Given = { succeeding: 0, failing: 0 };
  #failing = false;
  #peers: Peers | undefined;

  constructor(order: Order, contender: Contender) {
    this.#order = order;
    this.#contender = contender;
  }

  measure(what: Measure): Promise<Measured> {
    const count = Math.max(1, Math.round(this.#order.transactions * (SHARE[what] ?? 1)));
    switch (what) {
      case 'start':
        return this.#starting(count, 1);
      case 'enqueue':
        return this.#starting(count);
      case 'backlog':
        return this.#backlog(count);
      case 'latency':
        return this.#latency(count);
      case 'throughput':
        return this.#throughput(count);
      case 'compensation':
        return this.#compensation(count);
      case 'open':
        return Promise.resolve({ value: this.#openMs, rssBytes: process.memoryUsage.rss(), cpuMicros: Number.NaN, stored: 0 });
      case 'peer':
        throw new Error('a peer measures nothing itself');
    }
  }

  /** Carries out what was only started, so that it is counted too. */
  async close(): Promise<void> {
    if (this.#peers === undefined && this.#stored > 0) {
      await this.#working();
      await this.#contender.ended();
      await this.#check();
    }
    await this.#peers?.close();
    await this.#contender.close();
  }

  /** Numbers for so many transactions that were not there yet. */
  #share(count: number): { readonly from: number; readonly count: number } {
    const from = this.#stored;
    this.#stored += count;
    const { succeeding, failing } = this.#given;
    this.#given = this.#failing ? { succeeding, failing: failing + count } : { succeeding: succeeding + count, failing };
    return { from, count };
  }

  async #starting(count: number, atOnce?: number): Promise<Measured> {
    await startMany(this.#contender, this.#share(WARM_UP), atOnce);
    return this.#rate(count, () => startMany(this.#contender, this.#share(count), atOnce));
  }

  async #backlog(count: number): Promise<Measured> {
    await this.#warmUpAnother();
    await startMany(this.#contender, this.#share(count));
    const measured = await this.#rate(count, async () => {
      await this.#working();
      await this.#contender.ended();
    });
    checkCounted(this.#order.scenario, { succeeding: count, failing: 0 }, this.#contender.counted);
    return measured;
  }

  /** For the compiler: a worker that is measured on a backlog must not begin before that is there. */
  async #warmUpAnother(): Promise<void> {
    const another = await open(this.#order);
    await another.work();
    await startMany(another, this.#share(warmUpOf(this.#order.scenario)));
    await another.ended();
    await another.close();
  }

  #throughput(count: number): Promise<Measured> {
    // Each process has a compiler of its own.
    return this.#carryingOut(count, this.#order.processes * warmUpOf(this.#order.scenario));
  }

  async #compensation(count: number): Promise<Measured> {
    this.#failing = true;
    this.#contender.fail(true);
    const measured = await this.#carryingOut(count, Math.min(WARM_UP_FAILING, warmUpOf(this.#order.scenario)));
    this.#failing = false;
    this.#contender.fail(false);
    return measured;
  }

  async #carryingOut(count: number, warmUp: number): Promise<Measured> {
    const peers = await this.#working();
    await peers.run(this.#share(warmUp));
    const measured = await this.#rate(count, () => peers.run(this.#share(count)));
    await this.#check();
    return measured;
  }

  async #latency(count: number): Promise<Measured> {
    await this.#working();
    await this.#oneByOne(WARM_UP_SINGLES);
    let times: number[] = [];
    const measured = await this.#rate(count, async () => {
      times = await this.#oneByOne(count);
    });
    await this.#check();
    times.sort((a, b) => a - b);
    return { ...measured, value: quantile(times, 0.5), p95: quantile(times, 0.95) };
  }

  async #oneByOne(count: number): Promise<number[]> {
    const times: number[] = [];
    const share = this.#share(count);
    for (let number = share.from; number < share.from + count; number++) {
      const from = performance.now();
      await this.#contender.run(number);
      times.push(performance.now() - from);
    }
    return times;
  }

  async #rate(count: number, work: () => Promise<void>): Promise<Measured> {
    const cpu = process.cpuUsage();
    const from = performance.now();
    await work();
    const seconds = (performance.now() - from) / 1_000;
    const { user, system } = process.cpuUsage(cpu);
    return {
      value: count / seconds,
      rssBytes: process.memoryUsage.rss(),
      cpuMicros: (user + system) / count,
      stored: this.#stored,
    };
  }

  async #working(): Promise<Peers> {
    return (this.#peers ??= await Peers.open(this.#order, this.#contender));
  }

  async #check(): Promise<void> {
    checkCounted(this.#order.scenario, this.#given, await this.#peers!.counted());
  }
}

const order = JSON.parse(process.env['BENCH_ORDER'] ?? '{}') as Order;
const contender = await open(order);
if (order.measures.includes('peer')) {
  await bePeer(contender);
} else {
  const measuring = new Measuring(order, contender);
  for (const measure of order.measures) {
    process.send?.(await measuring.measure(measure));
    await once(process, 'message'); // whoever asked may have a look at the store first
  }
  await measuring.close();
  process.disconnect?.();
}
