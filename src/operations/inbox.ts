import { LRUCache } from 'lru-cache';
import type { Plan } from '../flows/plan.ts';
import { operationIn, STUCK, type Operation } from '../machine/state.ts';
import { leftBehind } from '../machine/view.ts';
import { operatorRules, type Engine } from '../producers/engine.ts';
import { isAmendsError } from '../errors.ts';
import { auditOf } from './audit.ts';
import { evolveAll } from '../machine/evolve.ts';
import { pagesOf, type TransactionRow } from './filter.ts';
import { Redaction } from '../machine/redaction.ts';

interface InboxGroupRow {
  readonly saga: string;
  readonly kind: Plan['kind'];
  readonly step: string;
  readonly op: Operation;
  readonly error: string;
  readonly count: number;
  readonly oldestAtMs: number;
  readonly newestAtMs: number;
  readonly examples: { readonly id: string; readonly stuckSinceMs: number; readonly notCompensated: string[] }[];
  readonly notCompensated: Record<string, number>;
}

export interface InboxFound {
  readonly groups: InboxGroupRow[];
  readonly count: number;
  readonly truncated: boolean;
  readonly nowMs: number;
}

/** What one transaction is stuck on. */
interface StuckOn {
  readonly places: readonly { readonly step: string; readonly op: Operation; readonly error: string }[];
  readonly sinceMs: number;
  readonly notCompensated: readonly string[];
}

const MOST_STUCK = 1_000;
const AT_ONCE = 32;
const MOST_EXAMPLES = 5;
const LONGEST_ERROR = 300;

/** A transaction at one version says the same for ever: so only what got stuck since is read. */
const known = new WeakMap<Engine, LRUCache<string, StuckOn>>();

async function lookAt(engine: Engine, id: string): Promise<StuckOn | undefined> {
  const history = await engine.journal.read(id);
  const state = evolveAll(
    undefined,
    id,
    history.map(({ event }) => event),
  );
  if (state?.status !== 'stuck') return undefined; // it went on meanwhile
  const { plan } = await operatorRules(engine, state);
  const redaction = new Redaction(plan, state);
  const places = Object.entries(state.steps).flatMap(([step, { status, error }]) => {
    const op = operationIn(status, STUCK);
    const text = redaction.text(error?.message ?? 'no error was told');
    return op === undefined ? [] : [{ step, op, error: text.length <= LONGEST_ERROR ? text : `${text.slice(0, LONGEST_ERROR - 1)}…` }];
  });
  return { places, sinceMs: auditOf(id, history).statusSinceMs, notCompensated: leftBehind(plan, state) };
}

async function stuckOn(engine: Engine, { id, version }: TransactionRow): Promise<StuckOn | undefined> {
  const cache = known.get(engine) ?? new LRUCache<string, StuckOn>({ max: 2 * MOST_STUCK });
  known.set(engine, cache);
  const key = `${id}@${version}`;
  const before = cache.get(key);
  if (before !== undefined) return before;
  try {
    const found = await lookAt(engine, id);
    if (found !== undefined) cache.set(key, found);
    return found;
  } catch (error) {
    // Its plan is not in the store: it has a line of its own, without more.
    if (!isAmendsError(error, 'UNKNOWN_DEFINITION')) throw error;
    return { places: [{ step: '?', op: 'run', error: error.message }], sinceMs: 0, notCompensated: [] };
  }
}

/** Of each row what it is stuck on, a few at a time. */
async function lookAtAll(engine: Engine, rows: readonly TransactionRow[]): Promise<readonly (readonly [TransactionRow, StuckOn])[]> {
  const found: (readonly [TransactionRow, StuckOn])[] = [];
  let next = 0;
  const one = async (): Promise<void> => {
    for (let row = rows[next++]; row !== undefined; row = rows[next++]) {
      const on = await stuckOn(engine, row);
      if (on !== undefined) found.push([row, on]);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  return found;
}

/** What is stuck, by saga, step and error; the largest group first. Looks at the 1 000 that started last. */
export async function inboxOf(engine: Engine): Promise<InboxFound> {
  const rows: TransactionRow[] = [];
  let truncated = false;
  for await (const page of pagesOf(engine, { status: ['stuck'] })) {
    rows.push(...page);
    truncated = rows.length > MOST_STUCK;
    if (truncated) break;
  }
  const found = await lookAtAll(engine, rows.slice(0, MOST_STUCK));
  const groups = new Map<string, { row: TransactionRow; place: StuckOn['places'][number]; members: [string, StuckOn][] }>();
  for (const [row, on] of found) {
    for (const place of on.places) {
      const key = JSON.stringify([row.saga, place.step, place.op, place.error]);
      const group = groups.get(key) ?? { row, place, members: [] };
      groups.set(key, group);
      group.members.push([row.id, on]);
    }
  }
  const sorted = [...groups.values()].map(({ row, place, members }): InboxGroupRow => {
    members.sort(([, a], [, b]) => a.sinceMs - b.sinceMs);
    const left: Record<string, number> = {};
    for (const [, { notCompensated }] of members) for (const step of notCompensated) left[step] = (left[step] ?? 0) + 1;
    return {
      saga: row.saga,
      kind: row.kind,
      ...place,
      count: members.length,
      oldestAtMs: members[0]![1].sinceMs,
      newestAtMs: members.at(-1)![1].sinceMs,
      examples: members
        .slice(0, MOST_EXAMPLES)
        .map(([id, { sinceMs, notCompensated }]) => ({ id, stuckSinceMs: sinceMs, notCompensated: [...notCompensated] })),
      notCompensated: left,
    };
  });
  sorted.sort((a, b) => b.count - a.count || a.oldestAtMs - b.oldestAtMs);
  return { groups: sorted, count: found.length, truncated, nowMs: engine.clock.nowMs() };
}
