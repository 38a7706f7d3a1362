import { LRUCache } from 'lru-cache';
import { isAmendsError } from '../errors.ts';
import type { Plan } from '../flows/plan.ts';
import type { JournaledEvent, TransactionSummary } from '../journal/journal.ts';
import { evolveAll } from '../machine/evolve.ts';
import { Redaction } from '../machine/redaction.ts';
import { operationIn, STUCK, type Operation, type State } from '../machine/state.ts';
import { leftBehind } from '../machine/view.ts';
import { operatorRules, type Engine } from '../producers/engine.ts';
import { auditOf } from './audit.ts';
import { errorGroupOf } from './error-group.ts';
import { plansOf } from './plans.ts';

/** An operation that waits for a person. */
interface StuckPlace {
  readonly step: string;
  readonly op: Operation;
  readonly error: string;
  /** What it has in common with the errors of others. */
  readonly errorGroup: string;
}

/** What one transaction is stuck on. */
export interface StuckOn {
  readonly places: readonly StuckPlace[];
  readonly sinceMs: number;
  readonly notCompensated: readonly string[];
}

type Row = Pick<TransactionSummary, 'id' | 'version'>;

const KEPT = 10_000;
const READ_AT_ONCE = 200;
const LONGEST_ERROR = 300;

/** A transaction at one version says the same for ever: so only what got stuck since is read. */
const known = new WeakMap<Engine, LRUCache<string, StuckOn>>();

function placeOf(step: string, op: Operation, text: string, group: string): StuckPlace {
  return { step, op, error: text.length <= LONGEST_ERROR ? text : `${text.slice(0, LONGEST_ERROR - 1)}…`, errorGroup: group };
}

/** A plan never changes: one that is known need not be asked for again. */
async function planOf(engine: Engine, state: State): Promise<Plan> {
  const { saga, definitionVersion } = state;
  const known = (await plansOf(engine)).find(({ name, version }) => name === saga && version === definitionVersion);
  return known ?? (await operatorRules(engine, state)).plan;
}

async function lookAt(engine: Engine, id: string, history: readonly JournaledEvent[]): Promise<StuckOn | undefined> {
  const state = evolveAll(
    undefined,
    id,
    history.map(({ event }) => event),
  );
  if (state?.status !== 'stuck') return undefined; // it went on meanwhile
  const sinceMs = auditOf(id, history).statusSinceMs;
  try {
    const plan = await planOf(engine, state);
    const redaction = new Redaction(plan, state);
    const places = Object.entries(state.steps).flatMap(([step, { status, error }]) => {
      const op = operationIn(status, STUCK);
      const told = redaction.error(error ?? { name: 'Error', message: 'no error was told' });
      return op === undefined ? [] : [placeOf(step, op, told.message, errorGroupOf(told))];
    });
    return { places, sinceMs, notCompensated: leftBehind(plan, state) };
  } catch (error) {
    // Its plan is not in the store: it has a line of its own, without more.
    if (!isAmendsError(error, 'UNKNOWN_DEFINITION')) throw error;
    return { places: [placeOf('?', 'run', error.message, errorGroupOf(error))], sinceMs, notCompensated: [] };
  }
}

/** Of each of these, by its id, what it is stuck on; nothing of those that went on meanwhile. */
export async function stuckOn(engine: Engine, rows: readonly Row[]): Promise<ReadonlyMap<string, StuckOn>> {
  const cache = known.get(engine) ?? new LRUCache<string, StuckOn>({ max: KEPT });
  known.set(engine, cache);
  const keyOf = ({ id, version }: Row): string => `${id}@${version}`;
  const found = new Map<string, StuckOn>();
  const unread = rows.filter((row) => {
    const before = cache.get(keyOf(row));
    if (before !== undefined) found.set(row.id, before);
    return before === undefined;
  });
  for (let from = 0; from < unread.length; from += READ_AT_ONCE) {
    const some = unread.slice(from, from + READ_AT_ONCE);
    const histories = await engine.journal.histories(some.map(({ id }) => id));
    for (const row of some) {
      const on = await lookAt(engine, row.id, histories.get(row.id) ?? []);
      if (on === undefined) continue;
      found.set(row.id, on);
      cache.set(keyOf(row), on);
    }
  }
  return found;
}
