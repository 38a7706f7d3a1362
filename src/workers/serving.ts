import type { Engine } from '../producers/engine.ts';

/** Who takes jobs from a queue. */
export interface Workers {
  /** `null`: it can't be known. */
  readonly count: number | null;
  readonly names: readonly string[];
}

/** PostgreSQL cuts the names of sessions there, and workers are known by them. */
const LONGEST_SESSION_NAME = 63;

export async function workersOf(engine: Engine, queue: string): Promise<Workers> {
  // The embedded store has one process, which is this one.
  if (engine.store === 'embedded') return { count: engine.queues.consumersHere(queue), names: [] };
  const shards = engine.queues.inShards(queue);
  const isCut = engine.store === 'postgres' && shards.some((one) => Buffer.byteLength(one.queue.name) > LONGEST_SESSION_NAME);
  if (isCut) return { count: null, names: [] };
  // Each worker serves all shards: one that has none is not served.
  const found = await Promise.all(shards.map((one) => one.queue.getWorkers()));
  const [least = []] = found.toSorted((a, b) => a.length - b.length);
  return { count: least.length, names: least.flatMap(({ addr }) => (addr === undefined || addr === '' ? [] : [addr])) };
}
