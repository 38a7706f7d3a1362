import type { Observed } from './observed.ts';
import type { Scenario } from './scenario.ts';

export type Measure = 'throughput' | 'compensation' | 'latency' | 'start' | 'enqueue' | 'backlog' | 'open' | 'peer';

/** What a process of its own is to measure. */
export interface Order {
  readonly contender: 'yardstick' | 'amends' | 'tcc' | 'saga' | Observed;
  /** One after the other, in the same process. What is started only, without a worker, can't follow what is carried out, nor the other way round. */
  readonly measures: readonly Measure[];
  readonly scenario: Scenario;
  /** Of a measure of throughput; the others do a share of it. */
  readonly transactions: number;
  /** That start and work, each its share. */
  readonly processes: number;
}
