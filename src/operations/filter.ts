import type { Plan } from '../flows/plan.ts';
import type { ListFilter, TransactionSummary } from '../journal/journal.ts';
import type { Status } from '../machine/state.ts';
import type { Engine } from '../producers/engine.ts';
import { asciiLower } from '../journal/page-limits.ts';
import { plansOf } from './plans.ts';
import { stuckOn } from './stuck.ts';

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
  /** It is stuck on this step. A bulk retry, skip or mark_undone is then done to this step only. */
  readonly step?: string | undefined;
  /** It is stuck on an error of this group, as the inbox tells it; on that step, if one is given. */
  readonly errorGroup?: string | undefined;
  /** It started then or later, milliseconds since the epoch. */
  readonly fromMs?: number | undefined;
  /** It started before then. */
  readonly toMs?: number | undefined;
}

/** Those of these rows that somebody may look at. */
export type Visible = (rows: readonly TransactionRow[]) => Promise<readonly TransactionRow[]>;

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

/** Whether a name is one of TCCs, by its version. */
function kindsIn(plans: readonly Plan[]): (summary: Pick<TransactionSummary, 'saga' | 'definitionVersion'>) => Plan['kind'] {
  const tccs = new Set(plans.filter(({ kind }) => kind === 'tcc').map(({ name, version }) => `${name}@${version}`));
  return ({ saga, definitionVersion }) => (tccs.has(`${saga}@${definitionVersion}`) ? 'tcc' : 'saga');
}

function rowOf(summary: TransactionSummary, kind: Plan['kind']): TransactionRow {
  const { error, endedAtMs, tags, ...rest } = summary;
  return { ...rest, tags: { ...tags }, kind, error: error ?? null, endedAtMs: endedAtMs ?? null };
}

function isOfStuck({ step, errorGroup }: TransactionFilter): boolean {
  return step !== undefined || errorGroup !== undefined;
}

/** Of these rows those that are stuck on what the filter says. No index tells of it: their histories are read. */
async function onlyStuckOn(engine: Engine, rows: readonly TransactionRow[], filter: TransactionFilter): Promise<TransactionRow[]> {
  if (!isOfStuck(filter)) return [...rows];
  const { step, errorGroup } = filter;
  const found = await stuckOn(
    engine,
    rows.filter(({ status }) => status === 'stuck'),
  );
  return rows.filter(({ id }) =>
    found.get(id)?.places.some((place) => (step ?? place.step) === place.step && (errorGroup ?? place.errorGroup) === place.errorGroup),
  );
}

/** What the journal is asked; `undefined`: no transaction can fit. */
function listFilterOf(given: TransactionFilter, plans: readonly Plan[]): ListFilter | undefined {
  const { saga, kind, id: _id, step: _step, errorGroup: _group, ...rest } = given;
  if (isOfStuck(given) && rest.status !== undefined && rest.status.length > 0 && !rest.status.includes('stuck')) return undefined;
  const filter: ListFilter = isOfStuck(given) ? { ...rest, status: ['stuck'] } : rest;
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
    const fitting = found.filter((row) => fits(row, filter));
    return { transactions: await onlyStuckOn(engine, fitting, filter), nextCursor: null };
  }
  const asked = listFilterOf(filter, plans);
  if (asked === undefined) return { transactions: [], nextCursor: null };
  const page = await engine.journal.list({ ...asked, cursor, limit });
  // A name may have been a saga's in one version and a TCC's in another.
  const fitting = rows(page.transactions).filter(({ kind }) => filter.kind === undefined || kind === filter.kind);
  return { transactions: await onlyStuckOn(engine, fitting, filter), nextCursor: page.nextCursor ?? null };
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
