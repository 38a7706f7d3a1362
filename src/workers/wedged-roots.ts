import { isTerminal } from '../machine/state.ts';
import type { Engine } from '../producers/engine.ts';
import { sagaQueue, transactionOfRoot } from '../queues/names.ts';

const PAGE = 200;
/** Pages of one queue in one look: the next look goes on from there. */
const PAGES_PER_LOOK = 5;

/**
 * Finds root jobs that would wait for ever: their transaction has ended, or is gone from the journal, but a child that has finished is still
 * among those they wait for. On Redis that comes of adding a child again that had failed, as a redelivered writer may when a sibling fails.
 */
export class WedgedRoots {
  readonly #engine: Engine;
  readonly #queues: readonly string[];
  readonly #places = new Map<string, number>();

  /** @param sagas names of the sagas whose roots to look at */
  constructor(engine: Engine, sagas: readonly string[]) {
    this.#engine = engine;
    this.#queues = [...new Set(sagas.map(sagaQueue))];
  }

  /** One look. Gives the number of roots it freed. */
  async free(endedBeforeMs: number, stopping: AbortSignal): Promise<number> {
    let freed = 0;
    for (const queue of this.#queues) {
      for (let page = 0; page < PAGES_PER_LOOK && !stopping.aborted; page++) {
        const from = this.#places.get(queue) ?? 0;
        const jobIds = await this.#engine.queues.waitingForChildren(queue, { from, limit: PAGE });
        freed += await this.#freeAmong(queue, jobIds, endedBeforeMs);
        // What is freed leaves the list, so a few are passed over: the next round finds them.
        this.#places.set(queue, jobIds.length < PAGE ? 0 : from + PAGE);
        if (jobIds.length < PAGE) break;
      }
    }
    return freed;
  }

  async #freeAmong(queue: string, jobIds: readonly string[], endedBeforeMs: number): Promise<number> {
    const roots = new Map(
      jobIds.flatMap((jobId) => {
        const id = transactionOfRoot(jobId);
        return id === undefined ? [] : [[id, jobId] as const];
      }),
    );
    if (roots.size === 0) return 0;
    for (const summary of await this.#engine.journal.summaries([...roots.keys()])) {
      // One that has just ended frees its root by itself.
      if (!isTerminal(summary) || summary.updatedAtMs > endedBeforeMs) roots.delete(summary.id);
    }
    let freed = 0;
    for (const jobId of roots.values()) if ((await this.#engine.queues.free({ queue, jobId })) > 0) freed++;
    return freed;
  }
}
