import { createHash } from 'node:crypto';

/** What is measured: the same for the yardstick and for Amends. */
export interface Scenario {
  readonly store: 'redis' | 'postgres' | 'embedded';
  readonly url: string;
  readonly steps: number;
  /** Size of the input in bytes of JSON; every step gets it as its argument. */
  readonly payloadBytes: number;
  /** What each action and each undo hashes, KiB: work that takes its time of a core whatever else runs. Default 0. */
  readonly workKiB?: number;
  /** Jobs a worker has in work at the same time. */
  readonly concurrency: number;
  /** Runs the steps in pairs side by side. */
  readonly parallel: boolean;
  /** Amends' saga is fused. Default `false`. */
  readonly fuse?: boolean;
  /** The step that fails, from 1; 0: none. */
  readonly failAt: number;
  /** Default: as many as the store has. */
  readonly shards?: number;
}

/** One side of a comparison, in a process of its own. */
export interface Contender {
  /** Starts workers; resolves when they take jobs. */
  work(): Promise<void>;
  /** Instead: workers are in other processes. */
  watch(): Promise<void>;
  /** Starts transaction `number`, and resolves when that is stored. */
  start(number: number): Promise<void>;
  /** Resolves when all that were started have ended as they should; throws when one has not. */
  ended(): Promise<void>;
  /** Starts one and resolves with its outcome. */
  run(number: number): Promise<void>;
  close(): Promise<void>;
}

/** The action of every step, and its undo. Counts, so that a run that loses work is no result. */
export class Steps {
  readonly #scenario: Scenario;
  readonly #work: Buffer;
  done = 0;
  undone = 0;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    this.#work = Buffer.alloc((scenario.workKiB ?? 0) * 1024);
  }

  run(step: number): { readonly step: number } {
    if (step === this.#scenario.failAt) throw new Refused(`step ${step} refuses`);
    this.#hash();
    this.done++;
    return { step };
  }

  undo(): void {
    this.#hash();
    this.undone++;
  }

  #hash(): void {
    if (this.#work.length > 0) createHash('sha256').update(this.#work).digest();
  }

  /** @throws {Error} when other than this many transactions were carried out whole */
  check(transactions: number): void {
    const { steps, failAt } = this.#scenario;
    const done = transactions * (failAt === 0 ? steps : failAt - 1);
    const undone = failAt === 0 ? 0 : done;
    if (this.done === done && this.undone === undone) return;
    throw new Error(`${transactions} transactions: ${this.done} steps done of ${done}, ${this.undone} undone of ${undone}`);
  }
}

export class Refused extends Error {}

export function payloadOf({ payloadBytes }: Scenario, number: number): { readonly number: number; readonly text: string } {
  return { number, text: 'x'.repeat(Math.max(0, payloadBytes - 30)) };
}
