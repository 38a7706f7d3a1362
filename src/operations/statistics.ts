import { LRUCache } from 'lru-cache';
import type { Plan } from '../flows/plan.ts';
import type { Status } from '../machine/state.ts';
import type { Engine } from '../producers/engine.ts';
import { pagesOf, type TransactionRow } from './filter.ts';

interface Counts {
  started: number;
  succeeded: number;
  undone: number;
  stuck: number;
  terminated: number;
}

interface SagaStatisticsRow extends Readonly<Counts> {
  readonly saga: string;
  readonly kind: Plan['kind'];
  readonly byStatus: Partial<Record<Status, number>>;
  readonly startedPerSecond: number;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly undoRate: number | null;
}

export interface StatisticsFound {
  readonly fromMs: number;
  readonly toMs: number;
  /** Later than `fromMs` when there were more transactions than were looked at. */
  readonly coveredFromMs: number;
  readonly count: number;
  readonly sagas: SagaStatisticsRow[];
  readonly buckets: (Readonly<Counts> & { readonly fromMs: number })[];
}

export interface StatisticsOptions {
  readonly saga?: string | undefined;
  /** How far back, by start. Default an hour. */
  readonly windowMs?: number | undefined;
}

/** Of one request. A page of 200 takes some milliseconds. */
const MOST_LOOKED_AT = 4_000;
const BUCKETS = 60;
const FRESH_MS = 2_000;
const HOUR_MS = 3_600_000;

const COUNTED: Readonly<Partial<Record<Status, keyof Counts>>> = {
  completed: 'succeeded',
  confirmed: 'succeeded',
  compensated: 'undone',
  cancelled: 'undone',
  stuck: 'stuck',
  terminated: 'terminated',
};

function noCounts(): Counts {
  return { started: 0, succeeded: 0, undone: 0, stuck: 0, terminated: 0 };
}

function count(counts: Counts, { status }: TransactionRow): void {
  counts.started++;
  const counted = COUNTED[status];
  if (counted !== undefined) counts[counted]++;
}

/** The value below which this share lies; of a list that is sorted. */
function percentile(sorted: readonly number[], share: number): number | null {
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? null;
}

function ofSaga(rows: readonly TransactionRow[], seconds: number): SagaStatisticsRow {
  const [{ saga, kind }] = rows as [TransactionRow, ...TransactionRow[]];
  const counts = noCounts();
  const byStatus: Partial<Record<Status, number>> = {};
  const durations: number[] = [];
  for (const row of rows) {
    count(counts, row);
    byStatus[row.status] = (byStatus[row.status] ?? 0) + 1;
    if (row.endedAtMs !== null) durations.push(row.endedAtMs - row.startedAtMs);
  }
  durations.sort((a, b) => a - b);
  return {
    saga,
    kind,
    ...counts,
    byStatus,
    startedPerSecond: counts.started / seconds,
    p50Ms: percentile(durations, 0.5),
    p95Ms: percentile(durations, 0.95),
    undoRate: durations.length === 0 ? null : counts.undone / durations.length,
  };
}

async function look(engine: Engine, { saga, windowMs = HOUR_MS }: StatisticsOptions): Promise<StatisticsFound> {
  const toMs = await engine.journal.timeMs();
  const fromMs = toMs - windowMs;
  const rows: TransactionRow[] = [];
  let coveredFromMs = fromMs;
  for await (const page of pagesOf(engine, { saga, fromMs })) {
    rows.push(...page);
    if (rows.length < MOST_LOOKED_AT) continue;
    coveredFromMs = rows.at(-1)!.startedAtMs;
    break;
  }
  const spanMs = Math.max(1, toMs - coveredFromMs);
  const buckets = Array.from({ length: BUCKETS }, (_, i) => ({ fromMs: coveredFromMs + (i * spanMs) / BUCKETS, ...noCounts() }));
  const bySaga = new Map<string, TransactionRow[]>();
  for (const row of rows) {
    const place = Math.floor(((row.startedAtMs - coveredFromMs) / spanMs) * BUCKETS);
    count(buckets[Math.min(BUCKETS - 1, Math.max(0, place))]!, row);
    const some = bySaga.get(row.saga);
    if (some === undefined) bySaga.set(row.saga, [row]);
    else some.push(row);
  }
  const sagas = [...bySaga.values()].map((some) => ofSaga(some, spanMs / 1_000)).sort((a, b) => b.started - a.started);
  return { fromMs, toMs, coveredFromMs, count: rows.length, sagas, buckets };
}

const looks = new WeakMap<Engine, LRUCache<string, Promise<StatisticsFound>>>();

/**
 * Rates, durations and how often sagas are undone, of the transactions that started in a window: of the 4 000 newest of them, from their summaries
 * alone. Asked again within 2 s, it gives the same answer without a look.
 */
export async function statisticsOf(engine: Engine, options: StatisticsOptions = {}): Promise<StatisticsFound> {
  const known = looks.get(engine) ?? new LRUCache<string, Promise<StatisticsFound>>({ max: 20, ttl: FRESH_MS });
  looks.set(engine, known);
  const key = JSON.stringify([options.saga, options.windowMs]);
  const before = known.get(key);
  if (before !== undefined) return before;
  const found = look(engine, options);
  known.set(key, found);
  found.catch(() => known.delete(key));
  return found;
}
