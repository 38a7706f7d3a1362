import { LRUCache } from 'lru-cache';
import type { TransactionSummary } from '../journal/journal.ts';
import type { Rules } from '../machine/decide.ts';
import type { State, Status } from '../machine/state.ts';
import { wakesAtMs, waitsOf } from '../machine/waits.ts';
import { knownRules, type Engine } from '../producers/engine.ts';
import { operationJob, restore } from '../queues/advance.ts';
import { lookAt } from './look-at.ts';
import { WedgedRoots } from './wedged-roots.ts';

export interface SweeperOptions {
  /** Names of the sagas whose root jobs it frees. */
  readonly sagas: readonly string[];
  /** Pause between two looks, in milliseconds. */
  readonly everyMs: number;
  /** A transaction whose last event is older than this is looked at, in milliseconds. */
  readonly overdueAfterMs: number;
  readonly onError: (error: unknown) => void;
  /** Jobs were gone. */
  readonly onRestored?: ((jobs: number) => void) | undefined;
}

/** Statuses in which something should be happening by itself. */
const LIVE: readonly Status[] = ['running', 'waiting', 'compensating', 'confirming', 'cancelling'];
/** What has just been journaled is about to be enqueued. */
const QUIET_MS = 2_000;
const PAGE = 200;
/** Pages of one status in one look: the next look goes on from there. */
const PAGES_PER_LOOK = 10;
/** One that was found in order is looked at again when it has been quiet for this much longer, as a share of how long it has been by then. */
const LONGER = 0.25;
const LONGEST_PAUSE_MS = 120_000;
const REMEMBERED = 50_000;

interface Repaired {
  /** Jobs that were gone. */
  restored: number;
  /** Waits whose jobs were there, and late. */
  woken: number;
}

/**
 * Finds transactions in which nothing has happened for a while, and puts back the jobs that the journal says they should have: those that
 * were never enqueued because the starter died, and those the queue has lost. Frees root jobs that would wait for ever. Every worker sweeps;
 * what two of them put back at once is one job, because its id follows from what it is for.
 */
export class Sweeper {
  readonly #engine: Engine;
  readonly #options: SweeperOptions;
  readonly #roots: WedgedRoots;
  /** When the store was seen to have lost writes, while not everything of before has been looked at. */
  #lossMs: number | undefined;
  /** When the first page of the pages now looked at was. */
  #passMs = 0;
  readonly #cursors = new Map<Status, string>();
  /** Those found in order: sleepers by the thousand are not asked after by every worker every few seconds. */
  readonly #fine = new LRUCache<string, { readonly version: number; readonly untilMs: number }>({ max: REMEMBERED });
  readonly #stopping = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();

  constructor(engine: Engine, options: SweeperOptions) {
    this.#engine = engine;
    this.#options = options;
    this.#roots = new WedgedRoots(engine, options.sagas);
  }

  start(): void {
    // At random, so that the workers of a fleet don't all look at the same moment.
    const pauseMs = this.#options.everyMs * (0.75 + Math.random() / 2);
    this.#timer = setTimeout(() => {
      this.#looking = this.sweep()
        .catch(this.#options.onError) // the next look tries again
        .then(() => {
          if (!this.#stopping.signal.aborted) this.start();
        });
    }, pauseMs).unref();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#timer);
    await this.#looking;
  }

  /** The store has lost writes: whatever was written until now is looked at once, as soon as it has been quiet for a moment. */
  lookAtEverything(): void {
    this.#cursors.clear();
    this.#fine.clear();
    this.#lossMs = this.#engine.clock.nowMs();
  }

  /** One look. Gives the number of jobs it put back or delivered. */
  async sweep(): Promise<number> {
    const { clock, journal, log } = this.#engine;
    // Also for this process's other decisions: without commits of its own nothing else tells it that its clock was set meanwhile.
    await clock.synchronise(journal);
    if (this.#cursors.size === 0) this.#passMs = clock.nowMs();
    const repaired: Repaired = { restored: 0, woken: 0 };
    for (const status of LIVE) {
      for (let page = 0; page < PAGES_PER_LOOK && !this.#stopping.signal.aborted; page++) {
        const cursor = this.#cursors.get(status);
        const { transactions, nextCursor } = await journal.list({ status: [status], limit: PAGE, cursor });
        await this.#restoreOverdue(transactions, repaired);
        if (nextCursor === undefined) this.#cursors.delete(status);
        else this.#cursors.set(status, nextCursor);
        if (nextCursor === undefined) break;
      }
    }
    if (this.#cursors.size === 0 && this.#lossMs !== undefined && this.#passMs > this.#lossMs + QUIET_MS) this.#lossMs = undefined;
    const { restored, woken } = repaired;
    if (restored > 0) {
      this.#options.onRestored?.(restored);
      log.warn({ restored }, 'the sweeper put back jobs that were gone');
      this.#count('restored', restored);
    }
    if (woken > 0) log.warn({ woken }, 'the sweeper delivered waits whose time was up');
    const freed = await this.#roots.free(clock.nowMs() - this.#options.overdueAfterMs, this.#stopping.signal);
    if (freed > 0) {
      log.warn({ freed }, 'the sweeper freed root jobs of transactions that have ended');
      this.#count('freed', freed);
    }
    return restored + woken;
  }

  #count(action: 'restored' | 'freed', by: number): void {
    for (const instruments of this.#engine.telemetry.metrics.instruments) instruments.count('swept', { 'amends.action': action }, by);
  }

  /** A wait whose time was up before the last look is delivered now: its job was put off by a clock that is wrong, or a signal missed it. */
  async #wakeOverdue({ plan }: Rules, state: State): Promise<number> {
    const beforeMs = this.#engine.clock.nowMs() - this.#options.overdueAfterMs;
    let woken = 0;
    for (const step of waitsOf(plan, state)) {
      const wakesMs = wakesAtMs(plan, state, step);
      if (wakesMs === null || wakesMs > beforeMs) continue;
      if (await this.#engine.queues.promote(operationJob(plan, state.id, step, 'run'))) woken++;
    }
    return woken;
  }

  async #restoreOverdue(summaries: readonly TransactionSummary[], repaired: Repaired): Promise<void> {
    const { overdueAfterMs } = this.#options;
    const { queues, transactions } = this.#engine;
    const quietMs = this.#lossMs === undefined ? overdueAfterMs : Math.min(QUIET_MS, overdueAfterMs);
    const nowMs = this.#engine.clock.nowMs();
    for (const { id, version, updatedAtMs } of summaries) {
      if (updatedAtMs > nowMs - quietMs || this.#stopping.signal.aborted) continue;
      const fine = this.#fine.get(id);
      if (fine?.version === version && nowMs < fine.untilMs) continue;
      const state = await transactions.load(id);
      const rules = state && knownRules(this.#engine, state);
      if (state === undefined || rules === undefined) continue; // for a worker that has the definition
      await this.#engine.telemetry.tracing.within(state, async () => {
        const nudged = await lookAt(this.#engine, rules, state);
        const isCurrent = async (): Promise<boolean> => (await transactions.load(id))?.version === nudged.state.version;
        const restored = await restore(queues, rules.plan, nudged.state, undefined, true, isCurrent);
        const woken = await this.#wakeOverdue(rules, nudged.state);
        repaired.restored += restored;
        repaired.woken += woken;
        if (restored + woken > 0) this.#fine.delete(id);
        else this.#fine.set(id, { version: nudged.state.version, untilMs: this.#lookAgainMs(rules, nudged.state, updatedAtMs) });
      });
    }
  }

  /** When one that is in order is looked at again: at the latest when its deadline or one of its waits is over. */
  #lookAgainMs({ plan }: Rules, state: State, updatedAtMs: number): number {
    const { overdueAfterMs } = this.#options;
    const nowMs = this.#engine.clock.nowMs();
    const ends = waitsOf(plan, state).map((step) => (wakesAtMs(plan, state, step) ?? Infinity) + overdueAfterMs);
    return Math.min(nowMs + Math.min(LONGER * (nowMs - updatedAtMs), LONGEST_PAUSE_MS), state.deadlineAtMs ?? Infinity, ...ends);
  }
}
