import type { Plan } from '../flows/plan.ts';
import type { Engine } from '../producers/engine.ts';

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
