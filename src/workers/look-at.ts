import type { Recorded } from '../journal/transactions.ts';
import type { Rules } from '../machine/decide.ts';
import type { State } from '../machine/state.ts';
import { withdrawIdle } from '../producers/control.ts';
import type { Engine } from '../producers/engine.ts';
import { advance } from '../queues/advance.ts';

/**
 * Has the rules look at a transaction, and passes on what follows. The deadline of a TCC strikes here too: when no worker takes its tries, or it
 * waits for a verdict, nobody else looks, and holds must not be kept longer than that.
 */
export async function lookAt(engine: Engine, rules: Rules, state: State): Promise<Recorded> {
  const isTcc = rules.plan.kind === 'tcc';
  const fact = isTcc ? ({ type: 'deadline_passed', nowMs: engine.clock.nowMs() } as const) : ({ type: 'nudged' } as const);
  const recorded = await engine.transactions.record(rules, state, fact);
  await advance(engine.queues, rules.plan, recorded.state, recorded.events);
  if (!recorded.events.some(({ type }) => type === 'saga_turned')) return recorded;
  await withdrawIdle(engine, rules, recorded.state);
  return { state: (await engine.transactions.load(state.id)) ?? recorded.state, events: recorded.events };
}
