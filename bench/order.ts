import type { Observed } from './observed.ts';
import type { Scenario } from './scenario.ts';

/** What a process of its own is to measure. */
export interface Order {
  readonly contender: 'yardstick' | 'amends' | 'tcc' | 'saga' | Observed;
  readonly measure: 'throughput' | 'latency' | 'start' | 'enqueue' | 'backlog' | 'peer';
  readonly scenario: Scenario;
  readonly transactions: number;
  /** That start and work, each its share. */
  readonly processes: number;
}
