import type { Plan } from '../flows/plan.ts';
import type { ListFilter, TransactionSummary } from '../journal/journal.ts';
import type { Status } from '../machine/state.ts';
import type { Engine } from '../producers/engine.ts';
import { asciiLower } from '../journal/page-limits.ts';

/** Which transactions. All of the conditions must be true. */
export interface TransactionFilter {
  readonly saga?: string | undefined;
  readonly kind?: Plan['kind'] | undefined;
  /** One of these. */
  readonly status?: readonly Status[] | undefined;
  /** All of these tags. */
  readonly tag?: Readonly<Record<string, string>> | undefined;
  /** Exactly this one. */
  readonly id?: string | undefined;
  readonly idPrefix?: string | undefined;
  /** Part of the error. */
  readonly error?: string | undefined;
  /** It started then or later, milliseconds since the epoch. */
  readonly fromMs?: number | undefined;
  /** It started before then. */
  readonly toMs?: number | undefined;
}

export interface PageOptions {
  readonly cursor?: string | undefined;
  /** 1 to 200. Default 50. */
  readonly limit?: number | undefined;
}

/** One line of a list. `null` is none. */
export interface TransactionRow {
  readonly id: string;
  readonly saga: string;
  readonly kind: Plan['kind'];
  readonly definitionVersion: number;
  readonly status: Status;
  readonly version: number;
  readonly tags: Record<string, string>;
  readonly error: string | null;
  readonly startedAtMs: number;
  readonly updatedAtMs: number;
  readonly endedAtMs: number | null;
}

export interface RowPage {
  readonly transactions: TransactionRow[];
  readonly nextCursor: string | null;
}

/** How old what is known of the plans may be, in milliseconds. */
const FRESH_MS = 2_000;
const looks = new WeakMap<Engine, { readonly plans: Promise<readonly Plan[]>; readonly atMs: number }>();

/** All plans, looked up again after 2 s. */
export function plansOf(engine: Engine): Promise<readonly Plan[]> {
  const known = looks.get(engine);
  if (known !== undefined && performance.now() - known.atMs < FRESH_MS) return known.plans;
  const plans = engine.journal.listPlans();
  looks.set(engine, { plans, atMs: performance.now() });
  plans.catch(() => looks.delete(engine));
  return plans;
}

/** Whether a name is one of TCCs, by its version. */
function kindsIn(plans: readonly Plan[]): (summary: Pick<TransactionSummary, 'saga' | 'definitionVersion'>) => Plan['kind'] {
  const tccs = new Set(plans.filter(({ kind }) => kind === 'tcc').map(({ name, version }) => `${name}@${version}`));
  return ({ saga, definitionVersion }) => (tccs.has(`${saga}@${definitionVersion}`) ? 'tcc' : 'saga');
}

function rowOf(summary: TransactionSummary, kind: Plan['kind']): TransactionRow {
  const { error, endedAtMs, tags, ...rest } = summary;
  return { ...rest, tags: { ...tags }, kind, error: error ?? null, endedAtMs: endedAtMs ?? null };
}

/** What the journal is asked; `undefined`: no transaction can fit. */
function listFilterOf({ saga, kind, id: _id, ...filter }: TransactionFilter, plans: readonly Plan[]): ListFilter | undefined {
  if (kind === undefined) return { ...filter, saga };
  const names = new Set(plans.filter((plan) => plan.kind === kind).map(({ name }) => name));
  if (saga !== undefined) return names.has(saga) ? { ...filter, saga } : undefined;
  return names.size === 0 ? undefined : { ...filter, saga: [...names] };
}

/** The same conditions on a transaction that was found by its id. */
function fits(
  row: TransactionRow,
  { saga, kind, status = [], tag = {}, idPrefix = '', error, fromMs = 0, toMs = Infinity }: TransactionFilter,
): boolean {
  if (saga !== undefined && row.saga !== saga) return false;
  if (kind !== undefined && row.kind !== kind) return false;
  if (status.length > 0 && !status.includes(row.status)) return false;
  if (!Object.entries(tag).every(([name, value]) => Object.hasOwn(row.tags, name) && row.tags[name] === value)) return false;
  if (error !== undefined && !asciiLower(row.error ?? '').includes(asciiLower(error))) return false;
  return row.id.startsWith(idPrefix) && row.startedAtMs >= fromMs && row.startedAtMs < toMs;
}

/**
 * A page of the transactions that a filter finds, newest start first.
 *
 * @throws {AmendsError} INVALID_OPTION
 */
export async function listTransactions(engine: Engine, filter: TransactionFilter, { cursor, limit }: PageOptions = {}): Promise<RowPage> {
  const plans = await plansOf(engine);
  const kindOf = kindsIn(plans);
  const rows = (summaries: readonly TransactionSummary[]): TransactionRow[] => summaries.map((summary) => rowOf(summary, kindOf(summary)));
  if (filter.id !== undefined) {
    const found = rows(await engine.journal.summaries([filter.id]));
    return { transactions: found.filter((row) => fits(row, filter)), nextCursor: null };
  }
  const asked = listFilterOf(filter, plans);
  if (asked === undefined) return { transactions: [], nextCursor: null };
  const page = await engine.journal.list({ ...asked, cursor, limit });
  return {
    // A name may have been a saga's in one version and a TCC's in another.
    transactions: rows(page.transactions).filter(({ kind }) => filter.kind === undefined || kind === filter.kind),
    nextCursor: page.nextCursor ?? null,
  };
}

/** All that a filter finds, a page at a time, newest start first. */
export async function* pagesOf(engine: Engine, filter: TransactionFilter): AsyncGenerator<readonly TransactionRow[], void, undefined> {
  let cursor: string | undefined;
  do {
    const { transactions, nextCursor } = await listTransactions(engine, filter, { cursor, limit: 200 });
    yield transactions;
    cursor = nextCursor ?? undefined;
  } while (cursor !== undefined);
}
