import { LRUCache } from 'lru-cache';
import type { Json } from '../flows/json.ts';
import type { State } from '../machine/state.ts';

const MOST_UNDER_WAY = 2_000;
const MOST_BEGUN = 20_000;
/** Of the inputs of those that have begun, in characters. */
const MOST_BEGUN_SIZE = 8 * 1024 * 1024;
/** What a state takes beside its input, in characters. */
const STATE_SIZE = 200;

function sizeOf(json: Json): number {
  if (typeof json === 'string') return json.length;
  if (typeof json !== 'object' || json === null) return 8;
  let size = 16;
  for (const key of Object.keys(json)) size += key.length + sizeOf((json as Readonly<Record<string, Json>>)[key]!);
  return size;
}

/** Where a state is kept: replacing it costs less than setting it anew. */
interface Kept {
  state: State;
}

/**
 * What a process remembers of transactions, the latest of them. Many may have begun and wait for a worker: of these nothing but the input is
 * known, and it is enough for the first step.
 */
export class KnownStates {
  readonly #begun = new LRUCache<string, State>({
    max: MOST_BEGUN,
    maxSize: MOST_BEGUN_SIZE,
    sizeCalculation: ({ input }) => STATE_SIZE + sizeOf(input),
  });
  readonly #underWay = new LRUCache<string, Kept>({ max: MOST_UNDER_WAY });

  get(id: string): State | undefined {
    return this.#underWay.get(id)?.state ?? this.#begun.get(id);
  }

  /** Two calls for one transaction may end in either order: an older state doesn't replace a newer one. */
  keep(state: State): void {
    const { id, version } = state;
    const kept = this.#underWay.get(id);
    if (kept !== undefined) {
      if (kept.state.version <= version) kept.state = state;
      return;
    }
    const begun = this.#begun.peek(id);
    if (begun !== undefined && begun.version > version) return;
    if (isBeginning(state)) {
      this.#begun.set(id, state);
    } else {
      this.#begun.delete(id);
      this.#underWay.set(id, { state });
    }
  }
}

function isBeginning({ settled, signals, steps }: State): boolean {
  if (settled.length > 0 || Object.keys(signals).length > 0) return false;
  for (const name in steps) if (steps[name]!.attemptsEver > 0 || steps[name]!.result !== undefined) return false;
  return true;
}
