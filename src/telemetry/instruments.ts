import type { Attributes, BatchObservableCallback, Counter, Histogram, Meter, ObservableGauge } from '@opentelemetry/api';
import type { Status } from '../machine/state.ts';

/** What the store shows as a whole, at one moment. */
export interface StoreSnapshot {
  /** Transactions that have not ended. */
  readonly transactions: readonly { readonly saga: string; readonly status: Status; readonly count: number }[];
  readonly queues: readonly { readonly queue: string; readonly state: string; readonly count: number }[];
  readonly subscriptions: readonly {
    readonly name: string;
    readonly lagEvents: number;
    readonly lagSeconds: number;
    readonly parked: number;
  }[];
}

/** Steps take from milliseconds to days; in seconds. */
const DURATIONS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 7_200, 86_400];

export type CounterName = keyof typeof COUNTERS;
export type DurationName = keyof typeof DURATIONS;

const COUNTERS = {
  started: ['amends.transaction.started', '{transaction}', 'Transactions started'],
  ended: ['amends.transaction.ended', '{transaction}', 'Transactions ended, by outcome'],
  stuck: ['amends.transaction.stuck', '{transaction}', 'Transactions that came to wait for a person'],
  lost: ['amends.attempt.lost', '{attempt}', 'Attempts whose worker or job was lost, and that others recovered'],
  swept: ['amends.sweeper.action', '{action}', 'What the sweeper repaired'],
  storeLosses: ['amends.store.loss', '{loss}', 'Times a store was seen to have lost writes'],
  alerts: ['amends.alert.sent', '{alert}', 'Alerts handed to channels'],
} as const;

const DURATIONS = {
  transaction: ['amends.transaction.duration', 'From the start of a transaction to its end'],
  attempt: ['amends.step.duration', 'Attempts of actions, by outcome'],
  compensation: ['amends.compensation.duration', 'Attempts of compensations and cancels, by outcome'],
  confirmation: ['amends.confirmation.duration', 'Attempts of confirms, by outcome'],
  wait: ['amends.queue.wait.duration', 'From when a job could run to when a worker took it, on its first delivery'],
} as const;

/** What may happen once in years: a counter that begins with its first count shows no increase. */
const RARE: readonly (readonly [CounterName, Attributes])[] = [
  ['storeLosses', {}],
  ['swept', { 'amends.action': 'restored' }],
  ['swept', { 'amends.action': 'freed' }],
];

function made<K extends string, T>(names: Readonly<Record<K, unknown>>, make: (name: K) => T): Record<K, T> {
  return Object.fromEntries((Object.keys(names) as K[]).map((name) => [name, make(name)])) as Record<K, T>;
}

/** The instruments of one meter. Their attributes are names that definitions give, never ids: what they are told apart by stays bounded. */
export class Instruments {
  readonly #counters: Readonly<Record<CounterName, Counter>>;
  readonly #durations: Readonly<Record<DurationName, Histogram>>;
  readonly #end: () => void;

  constructor(meter: Meter, snapshot: () => Promise<StoreSnapshot | undefined>) {
    this.#counters = made(COUNTERS, (name) => {
      const [full, unit, description] = COUNTERS[name];
      return meter.createCounter(full, { unit, description });
    });
    this.#durations = made(DURATIONS, (name) => {
      const [full, description] = DURATIONS[name];
      return meter.createHistogram(full, { unit: 's', description, advice: { explicitBucketBoundaries: DURATIONS_S } });
    });
    for (const [name, attributes] of RARE) this.count(name, attributes, 0);
    this.#end = observed(meter, snapshot);
  }

  count(name: CounterName, attributes: Attributes, by = 1): void {
    this.#counters[name].add(by, attributes);
  }

  took(name: DurationName, ms: number, attributes: Attributes): void {
    this.#durations[name].record(Math.max(0, ms) / 1_000, attributes);
  }

  end(): void {
    this.#end();
  }
}

/** Gauges that are read when somebody collects. Gives what ends that. */
function observed(meter: Meter, snapshot: () => Promise<StoreSnapshot | undefined>): () => void {
  const gauge = (name: string, unit: string, description: string): ObservableGauge =>
    meter.createObservableGauge(name, { unit, description });
  const active = gauge('amends.transaction.active', '{transaction}', 'Transactions that have not ended, by status');
  const jobs = gauge('amends.queue.jobs', '{job}', 'Jobs of a queue, by state');
  const lag = gauge('amends.subscription.lag', '{event}', 'Events a subscription is behind');
  const age = gauge('amends.subscription.lag.duration', 's', 'Age of the oldest event a subscription has not handled');
  const parked = gauge('amends.subscription.parked', '{event}', 'Events a subscription has parked');
  const all = [active, jobs, lag, age, parked];
  const callback: BatchObservableCallback = async (result) => {
    const seen = await snapshot().catch(() => undefined); // the next collection shows it again
    if (seen === undefined) return;
    for (const { saga, status, count } of seen.transactions)
      result.observe(active, count, { 'amends.saga': saga, 'amends.status': status });
    for (const { queue, state, count } of seen.queues) {
      result.observe(jobs, count, { 'messaging.destination.name': queue, 'amends.job.state': state });
    }
    for (const { name, lagEvents, lagSeconds, parked: letters } of seen.subscriptions) {
      const attributes = { 'amends.subscription': name };
      result.observe(lag, lagEvents, attributes);
      result.observe(age, lagSeconds, attributes);
      result.observe(parked, letters, attributes);
    }
  };
  meter.addBatchObservableCallback(callback, all);
  return () => meter.removeBatchObservableCallback(callback, all);
}
