import { sagaQueue } from '../../src/queues/names.ts';
import type { Engine } from '../../src/producers/engine.ts';
import type { Probe } from './health.ts';

/** A cheap question to the store of the queues. Asks a queue there is; in a store without one, a queue that only this uses. */
export async function queueProbe({ journal, queues }: Engine): Promise<Probe> {
  const [plan] = await journal.listPlans();
  // Kept: asking for them again after the connection was closed would make new ones.
  const inShards = queues.inShards(plan === undefined ? 'health' : sagaQueue(plan.name));
  return () => Promise.all(inShards.map(({ queue }) => queue.isPaused()));
}
