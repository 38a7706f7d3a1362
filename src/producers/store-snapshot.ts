import { queuesOfPlan } from '../queues/names.ts';
import type { StoreSnapshot } from '../telemetry/instruments.ts';
import type { Engine } from './engine.ts';

/** What was seen is shown for so long: many may ask, and each look is a query for each queue. */
const SHOWN_MS = 5_000;
/** Queues of one look. Each is asked for in each shard. */
const MOST_QUEUES = 200;

async function look({ journal, queues, subscriptions }: Engine): Promise<StoreSnapshot> {
  const plans = await journal.listPlans();
  const names = [...new Set(plans.flatMap(queuesOfPlan))].slice(0, MOST_QUEUES);
  const [transactions, counts, followers] = await Promise.all([
    journal.openCounts([...new Set(plans.map(({ name }) => name))]),
    Promise.all(names.map((queue) => queues.counts(queue))),
    subscriptions(),
  ]);
  return {
    transactions,
    queues: names.flatMap((queue, place) => Object.entries(counts[place]!).map(([state, count]) => ({ queue, state, count }))),
    subscriptions: followers.map(({ name, lag, parked }) => ({ name, lagEvents: lag.events, lagSeconds: lag.seconds, parked })),
  };
}

/** Looks at the store as a whole: those who ask at about the same time share one look. */
export function storeSnapshots(engine: Engine): () => Promise<StoreSnapshot> {
  let last: { readonly seen: Promise<StoreSnapshot>; readonly at: number } | undefined;
  return () => {
    const now = performance.now();
    if (last !== undefined && now - last.at < SHOWN_MS) return last.seen;
    const seen = look(engine);
    const mine = { seen, at: now };
    last = mine;
    seen.catch(() => {
      if (last === mine) last = undefined; // asked again at once
    });
    return seen;
  };
}
