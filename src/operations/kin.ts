import type { TransactionSummary } from '../journal/journal.ts';
import { nestedId } from '../flows/names.ts';
import type { Plan } from '../flows/plan.ts';
import type { Engine } from '../producers/engine.ts';

export interface Kin {
  readonly parent: string | null;
  readonly children: readonly TransactionSummary[];
}

/**
 * What a transaction is a part of, and what is a part of it: a nested TCC has the id of its parent with the step behind it. From one whose id would
 * be too long, and is a hash, nothing leads to its parent.
 */
export async function kinOf(engine: Engine, plan: Plan, id: string): Promise<Kin> {
  const colon = id.lastIndexOf(':');
  const above = colon > 0 ? id.slice(0, colon) : undefined;
  const below = plan.stages.flat().map((step) => nestedId(id, step));
  const found = await engine.journal.summaries([...(above === undefined ? [] : [above]), ...below]);
  const children = found.filter((one) => one.id !== above);
  const parent = found.find((one) => one.id === above);
  if (parent === undefined) return { parent: null, children };
  // Somebody's own ids may have colons: only a step of that name makes it a parent.
  const parentPlan = await engine.journal.findPlan(parent.saga, parent.definitionVersion);
  return { parent: Object.hasOwn(parentPlan?.steps ?? {}, id.slice(colon + 1)) ? parent.id : null, children };
}
