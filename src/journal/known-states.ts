import { LRUCache } from 'lru-cache';
import type { Json } from '../flows/json.ts';
import type { State } from '../machine/state.ts';

/** How long a state is remembered, in milliseconds. What has ended stays in the journal for longer. */
export const REMEMBERED_MS = 30_000;
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
  /** When this version was first known here, by this process's clock. */
  sinceMs: number;
}

function isFresh({ sinceMs }: Kept): boolean {
  return Math.abs(Date.now() - sinceMs) < REMEMBERED_MS; // a clock that was set back shows nothing
}

/**
 * What a process remembers of transactions, the latest of them, and not for long: an id may be used again when its transaction was removed from
 * the journal, and what was known of that one must not be taken for a part of the new one. Many may have begun and wait for a worker: of these
 * nothing but the input is known, and it is enough for the first step.
 */
export class KnownStates {
  readonly #begun = new LRUCache<string, Kept>({
    max: MOST_BEGUN,
    maxSize: MOST_BEGUN_SIZE,
    sizeCalculation: ({ state }) => STATE_SIZE + sizeOf(state.input),
  });
  readonly #underWay = new LRUCache<string, Kept>({ max: MOST_UNDER_WAY });

  get(id: string): State | undefined {
    const kept = this.#underWay.get(id) ?? this.#begun.get(id);
    return kept !== undefined && isFresh(kept) ? kept.state : undefined;
  }

  /** Two calls for one transaction may end in either order: an older state doesn't replace a newer one. */
  keep(state: State): void {
    const { id, version } = state;
    const underWay = this.#underWay.get(id);
    const kept = underWay ?? this.#begun.peek(id);
    // Of what is known already the time stays: it tells when the transaction was last seen to be there.
    if (kept !== undefined && kept.state.version >= version && isFresh(kept)) return;
    const sinceMs = Date.now();
    if (underWay !== undefined) {
      underWay.state = state;
      underWay.sinceMs = sinceMs;
    } else if (isBeginning(state)) {
      this.#begun.set(id, { state, sinceMs });
    } else {
      this.#begun.delete(id);
      this.#underWay.set(id, { state, sinceMs });
    }
  }

  forget(id: string): void {
    this.#underWay.delete(id);
    this.#begun.delete(id);
  }
}

function isBeginning({ settled, signals, steps }: State): boolean {
  if (settled.length > 0 || Object.keys(signals).length > 0) return false;
  for (const name in steps) if (steps[name]!.attemptsEver > 0 || steps[name]!.result !== undefined) return false;
  return true;
}
