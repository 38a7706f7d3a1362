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
  /** The step that fails in transactions that are to fail, from 1. */
  readonly failAt: number;
  /** Default: as many as the store has. */
  readonly shards?: number;
}

/** One side of a comparison, in a process of its own. */
export interface Contender {
  /** Starts workers; resolves when they take jobs. */
  work(): Promise<void>;
  /** From now on transactions are to fail, or not to: none is under way. At first they are not. */
  fail(failing: boolean): void;
  /** Starts transaction `number`, and resolves when that is stored. */
  start(number: number): Promise<void>;
  /** Resolves when all that were started here have ended; throws when one has not ended as it should. */
  ended(): Promise<void>;
  /** What this process has carried out so far, whoever started it. */
  readonly counted: Counted;
  /** Starts one and resolves with its outcome. */
  run(number: number): Promise<void>;
  close(): Promise<void>;
}

/** Steps that were carried out, and that were undone. */
export interface Counted {
  readonly done: number;
  readonly undone: number;
}

export const NOTHING: Counted = { done: 0, undone: 0 };

export function together(all: readonly Counted[]): Counted {
  return all.reduce((sum, { done, undone }) => ({ done: sum.done + done, undone: sum.undone + undone }), NOTHING);
}

/** Transactions that were to be carried out whole, and that were to fail. */
export interface Given {
  readonly succeeding: number;
  readonly failing: number;
}

/** Steps of a transaction that fails which are done and undone: where it has a neighbour at its side, that may have begun before, or never does. */
function undoneIn({ steps, parallel, failAt }: Scenario): { readonly least: number; readonly most: number } {
  const least = parallel ? failAt - 1 - ((failAt - 1) % 2) : failAt - 1;
  return { least, most: parallel ? Math.min(least + 1, steps - 1) : least };
}

/** @throws {Error} when other than that was carried out: a run that loses work, or does it twice, is no result */
export function checkCounted(scenario: Scenario, { succeeding, failing }: Given, { done, undone }: Counted): void {
  const whole = succeeding * scenario.steps;
  const { least, most } = undoneIn(scenario);
  if (done - whole === undone && undone >= failing * least && undone <= failing * most) return;
  throw new Error(`${succeeding} transactions were to succeed and ${failing} to fail: ${done} steps were done, and ${undone} undone`);
}

/** The action of every step, and its undo, counted. */
export class Steps {
  readonly #scenario: Scenario;
  readonly #work: Buffer;
  readonly counted = { done: 0, undone: 0 };
  failing = false;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    this.#work = Buffer.alloc((scenario.workKiB ?? 0) * 1024);
  }

  run(step: number): { readonly step: number } {
    if (this.failing && step === this.#scenario.failAt) throw new Refused(`step ${step} refuses`);
    this.#hash();
    this.counted.done++;
    return { step };
  }

  undo(): void {
    this.#hash();
    this.counted.undone++;
  }

  #hash(): void {
    if (this.#work.length > 0) createHash('sha256').update(this.#work).digest();
  }
}

export class Refused extends Error {}

export function payloadOf({ payloadBytes }: Scenario, number: number): { readonly number: number; readonly text: string } {
  return { number, text: 'x'.repeat(Math.max(0, payloadBytes - 30)) };
}
