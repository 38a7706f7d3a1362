import { randomUUID } from 'node:crypto';
import type { Json } from '../../src/flows/json.ts';
import { buildPlan, type Plan } from '../../src/flows/plan.ts';
import { DEFAULT_ACTION_POLICY, DEFAULT_COMPENSATION_POLICY } from '../../src/flows/policy.ts';
import type { Commit, Journal, ListFilter, TransactionSummary } from '../../src/journal/journal.ts';
import type { TransactionEvent } from '../../src/machine/event.ts';

/** A name that no other test has: of a saga, a tag's value, or (the default) a transaction. */
export function fresh(what = 'tx'): string {
  return `${what}-${randomUUID()}`;
}

export function started(saga: string, input: Json = {}): TransactionEvent {
  const data = { saga, definitionVersion: 1, fingerprint: 'f', input, inputHash: 'h', tags: {}, deadlineAtMs: null };
  return { type: 'saga_started', data };
}

export function issued(step: string, args: Json = {}): TransactionEvent {
  return { type: 'step_issued', data: { step, args } };
}

export function completed(output: Json = null): TransactionEvent {
  return { type: 'saga_completed', data: { output } };
}

/** A commit with everything that a test does not care about filled in. */
export function commitOf(
  id: string,
  expectedVersion: number,
  events: readonly TransactionEvent[],
  { announce = false, tx, ...summary }: Partial<Commit['summary'] & Pick<Commit, 'announce' | 'tx'>> = {},
): Commit {
  return {
    id,
    expectedVersion,
    events,
    summary: { saga: 'order', definitionVersion: 1, status: 'running', tags: {}, error: undefined, ...summary },
    announce,
    tx,
  };
}

/** Starts a transaction by its first event, and gives its id. */
export async function start(journal: Journal, summary: Partial<Commit['summary']> & { readonly id?: string } = {}): Promise<string> {
  const { id = fresh(), ...rest } = summary;
  const result = await journal.commit(commitOf(id, 0, [started(rest.saga ?? 'order')], rest));
  if (!result.committed) throw new Error(`transaction ${id} existed`);
  return id;
}

/** Ends a transaction that {@link start} has begun. */
export async function end(
  journal: Journal,
  id: string,
  summary: Partial<Commit['summary'] & Pick<Commit, 'announce' | 'tx'>> = {},
): Promise<void> {
  const result = await journal.commit(commitOf(id, 1, [completed()], { status: 'completed', ...summary }));
  if (!result.committed) throw new Error(`transaction ${id} had gone on`);
}

/** All pages of a list, as they come. `between` runs after each page. */
export async function listAll(
  journal: Journal,
  filter: ListFilter,
  between: () => Promise<void> = async () => {},
): Promise<TransactionSummary[]> {
  const all: TransactionSummary[] = [];
  let cursor: string | undefined;
  do {
    const page = await journal.list({ ...filter, cursor });
    all.push(...page.transactions);
    cursor = page.nextCursor;
    await between();
  } while (cursor !== undefined);
  return all;
}

export async function listIds(journal: Journal, filter: ListFilter): Promise<string[]> {
  return (await listAll(journal, filter)).map(({ id }) => id);
}

export function planOf(name: string, version: number, steps: readonly string[]): Plan {
  const stages = steps.map((step) => [
    {
      name: step,
      service: null,
      kind: 'readOnly' as const,
      conditional: false,
      action: DEFAULT_ACTION_POLICY,
      compensation: DEFAULT_COMPENSATION_POLICY,
    },
  ]);
  return buildPlan({ name, version, deadlineMs: null, stages });
}
