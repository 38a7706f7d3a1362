import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { AmendsError, isAmendsError } from '../errors.ts';
import type { Status } from '../machine/state.ts';
import type { Engine } from '../producers/engine.ts';
import { act } from './acts.ts';
import { BulkLog, remainingOf, TELL_EVERY_MS, type BulkFailure, type BulkProgress, type BulkRow, type BulkStop } from './bulk-log.ts';
import { listTransactions, pagesOf, type TransactionFilter, type TransactionRow, type Visible } from './filter.ts';
import type { BulkAct } from './possible-acts.ts';

export type { BulkRow } from './bulk-log.ts';

/** The most transactions of one bulk act. */
const MOST_OF_BULK = 10_000;
const MOST_AT_ONCE = 3;
const MOST_IN_WORK = 16;
const MOST_FAILURES = 100;
/** Of one that changes all the time. */
const MOST_LOOKS = 20;
const SAMPLE = 20;
const DEFAULT_RATE = 10;
/** Done to one step, where the filter names it. */
const OF_STEPS: ReadonlySet<BulkAct> = new Set<BulkAct>(['retry', 'skip', 'mark_undone']);

export interface BulkRequest {
  readonly filter: TransactionFilter;
  readonly action: BulkAct;
  readonly reason: string;
  readonly by: string;
  /** Acts a second, from 0.1 to 1 000. Default 10. */
  readonly ratePerSecond?: number | undefined;
  /** Those that whoever asked may look at: the others are none of theirs. Default: all. */
  readonly visible?: Visible | undefined;
  /** Says whether whoever asked may do it to this one. Default: to all. */
  readonly mayAct?: ((row: TransactionRow) => boolean | Promise<boolean>) | undefined;
}

export interface BulkCount {
  readonly action: BulkAct;
  readonly count: number;
  readonly truncated: boolean;
  readonly byStatus: Partial<Record<Status, number>>;
  readonly sample: TransactionRow[];
}

async function collect(
  engine: Engine,
  filter: TransactionFilter,
  visible: Visible = async (rows) => rows,
): Promise<{ readonly rows: readonly TransactionRow[]; readonly truncated: boolean }> {
  const rows: TransactionRow[] = [];
  for await (const page of pagesOf(engine, filter)) {
    rows.push(...(await visible(page)));
    if (rows.length > MOST_OF_BULK) return { rows: rows.slice(0, MOST_OF_BULK), truncated: true };
  }
  return { rows, truncated: false };
}

/** How many a bulk act would be done to, up to {@link MOST_OF_BULK}. */
export async function countBulk(engine: Engine, filter: TransactionFilter, action: BulkAct, visible?: Visible): Promise<BulkCount> {
  const { rows, truncated } = await collect(engine, filter, visible);
  const byStatus: Partial<Record<Status, number>> = {};
  for (const { status } of rows) byStatus[status] = (byStatus[status] ?? 0) + 1;
  return { action, count: rows.length, truncated, byStatus, sample: rows.slice(0, SAMPLE) };
}

interface Progress extends BulkProgress {
  done: number;
  unchanged: number;
  skipped: number;
  failed: number;
  readonly failures: BulkFailure[];
}

interface Running {
  readonly stop: AbortController;
  readonly done: Promise<void>;
  readonly now: () => BulkProgress;
}

/**
 * Acts on all transactions that a filter finds, in this process, at a bounded rate. Each transaction's act is atomic. Where it stands is in the event
 * store: when the process dies it is shown as interrupted, what it had done is done, and the rest was not begun.
 */
export class BulkActs {
  readonly #engine: Engine;
  readonly #log: BulkLog;
  readonly #running = new Map<string, Running>();
  #closed = false;

  constructor(engine: Engine) {
    this.#engine = engine;
    this.#log = new BulkLog(engine);
  }

  /**
   * Finds the transactions and begins. No others are added; one that does not fit the filter any more when its turn comes is left alone.
   *
   * @throws {AmendsError} INVALID_OPTION, NOT_ALLOWED (too many at the same time), CLOSED
   */
  async start({ filter, action, reason, by, ratePerSecond = DEFAULT_RATE, visible, mayAct }: BulkRequest): Promise<BulkRow> {
    if (this.#closed) throw new AmendsError('CLOSED', 'this process is about to end: start the bulk act again in another one');
    if (reason.trim() === '') throw new AmendsError('INVALID_OPTION', 'say why: reason is needed, because somebody will ask');
    if (!(ratePerSecond >= 0.1 && ratePerSecond <= 1_000))
      throw new AmendsError('INVALID_OPTION', `ratePerSecond is ${String(ratePerSecond)}: give 0.1 to 1000`);
    if (this.#running.size >= MOST_AT_ONCE)
      throw new AmendsError('NOT_ALLOWED', `${MOST_AT_ONCE} bulk acts run already: wait for one of them, or stop it`);
    const { rows } = await collect(this.#engine, filter, visible);
    const id = randomUUID();
    await this.#log.begin(id, { action, filter, reason, by, ratePerSecond, total: rows.length });
    const stop = new AbortController();
    const progress: Progress = { done: 0, unchanged: 0, skipped: 0, failed: 0, failures: [] };
    const done = this.#run(id, rows, { filter, action, reason, by, ratePerSecond, mayAct }, progress, stop.signal);
    this.#running.set(id, { stop, done, now: () => structuredClone(progress) });
    return (await this.find(id))!;
  }

  /** @returns `undefined`: there is none */
  async find(id: string): Promise<BulkRow | undefined> {
    const row = await this.#log.find(id);
    const now = this.#running.get(id)?.now();
    if (row === undefined || now === undefined || row.state !== 'running') return row;
    return { ...row, ...now, remaining: remainingOf(row.total, now) };
  }

  /** The newest first. */
  async list(limit = 20): Promise<BulkRow[]> {
    const rows = await this.#log.list(limit);
    return Promise.all(rows.map(async (row) => (this.#running.has(row.id) ? ((await this.find(row.id)) ?? row) : row)));
  }

  /** Stops one, wherever it runs; one of another process within 2 s. What is in work ends. @returns `undefined`: there is none */
  async stop(id: string, stop: BulkStop): Promise<BulkRow | undefined> {
    const here = this.#running.get(id);
    try {
      if (here !== undefined || (await this.#log.find(id))?.state === 'running') await this.#log.requestStop(id, stop);
    } finally {
      here?.stop.abort();
    }
    await here?.done;
    return this.find(id);
  }

  /** Resolves when one that runs here has ended. */
  async ended(id: string): Promise<void> {
    await this.#running.get(id)?.done;
  }

  /** Stops all that run here. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const { stop } of this.#running.values()) stop.abort();
    await Promise.all([...this.#running.values()].map(({ done }) => done));
  }

  async #run(
    id: string,
    rows: readonly TransactionRow[],
    request: BulkRequest & { readonly ratePerSecond: number },
    progress: Progress,
    signal: AbortSignal,
  ): Promise<void> {
    const stopped = new AbortController();
    const either = AbortSignal.any([signal, stopped.signal]);
    const teller = this.#tellOf(id, progress, stopped, either);
    let error: string | null = null;
    const inWork = new Set<Promise<void>>();
    let dueMs = performance.now();
    for (const row of rows) {
      dueMs = Math.max(dueMs, performance.now() - 1_000 / request.ratePerSecond);
      const waitMs = dueMs - performance.now();
      if (waitMs > 0) await delay(waitMs, undefined, { signal: either }).catch(() => undefined);
      if (either.aborted) break;
      dueMs += 1_000 / request.ratePerSecond;
      const one: Promise<void> = this.#one(row, request, progress)
        .catch((failure: unknown) => {
          // The store is away: the rest would fare no better.
          error = failure instanceof Error ? failure.message : String(failure);
          stopped.abort();
        })
        .finally(() => inWork.delete(one));
      inWork.add(one);
      if (inWork.size >= MOST_IN_WORK) await Promise.race(inWork);
    }
    await Promise.all(inWork);
    const state = error !== null ? 'failed' : remainingOf(rows.length, progress) > 0 ? 'stopped' : 'done';
    stopped.abort();
    await teller;
    try {
      await this.#log.end(id, { ...progress, state, error });
    } catch (failure) {
      this.#engine.log.warn({ err: failure, bulk: id }, 'the end of a bulk act could not be told: it will be shown as interrupted');
    }
    this.#running.delete(id);
  }

  /** Tells every two seconds how far it is, and hears whether another process asks it to stop. */
  async #tellOf(id: string, progress: BulkProgress, stopped: AbortController, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await delay(TELL_EVERY_MS, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      try {
        await this.#log.progress(id, progress);
        if (await this.#log.isStopRequested(id)) stopped.abort();
      } catch (error) {
        this.#engine.log.warn({ err: error, bulk: id }, 'the progress of a bulk act could not be told');
      }
    }
  }

  async #one(row: TransactionRow, request: BulkRequest, progress: Progress): Promise<void> {
    try {
      const { mayAct, action } = request;
      if (mayAct !== undefined && !(await mayAct(row))) throw new AmendsError('NOT_ALLOWED', `you may not ${action} this one`);
      progress[await this.#act(row.id, request)]++;
    } catch (error) {
      if (isAmendsError(error, 'STORE_UNREACHABLE')) throw error;
      progress.failed++;
      const code = isAmendsError(error) ? error.code : 'INTERNAL';
      const message = error instanceof Error ? error.message : String(error);
      if (progress.failures.length < MOST_FAILURES) progress.failures.push({ id: row.id, code, message });
    }
  }

  /** It may have gone on since the filter found it: what was asked for is done to what still fits, and to the version that was looked at. */
  async #act(id: string, { filter, action, reason, by }: BulkRequest): Promise<'done' | 'unchanged' | 'skipped'> {
    for (let look = 1; ; look++) {
      const [row] = (await listTransactions(this.#engine, { ...filter, id })).transactions;
      if (row === undefined) return 'skipped';
      try {
        const { changed } = await act(this.#engine, id, action, {
          by,
          reason,
          everyStep: true,
          version: row.version,
          ...(OF_STEPS.has(action) ? { step: filter.step } : {}),
        });
        return changed ? 'done' : 'unchanged';
      } catch (error) {
        if (!isAmendsError(error, 'WRONG_EXPECTED_VERSION') || look === MOST_LOOKS) throw error;
      }
    }
  }
}
