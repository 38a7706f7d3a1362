import type { TransactionPage, TransactionSummary } from './journal.ts';
import { decodeCursor, type Place } from './page-limits.ts';

/** A page of one list. */
type Look = (cursor: string | undefined, limit: number) => Promise<TransactionPage>;

interface Source {
  readonly look: Look;
  /** What came and was not given yet. */
  waiting: readonly TransactionSummary[];
  /** Where it goes on after them; `undefined`: it has no more. */
  cursor: string | undefined;
  looks: number;
}

/** Newest start first, and among equal starts the greatest id by its bytes: negative when `a` comes first. */
function compare([aMs, aId]: Place, [bMs, bId]: Place): number {
  return aMs === bMs ? Buffer.compare(Buffer.from(bId), Buffer.from(aId)) : bMs - aMs;
}

/** Nothing of a source that is not given yet comes before this place. `undefined`: it is at its end. */
function headOf({ waiting, cursor }: Source): Place | undefined {
  const [first] = waiting;
  if (first !== undefined) return [first.startedAtMs, first.id];
  return cursor === undefined ? undefined : decodeCursor(cursor);
}

/** Lists in one order, merged. */
export class MergedPages {
  readonly #sources: readonly Source[];
  readonly #looksPerSource: number;

  constructor(looks: readonly Look[], looksPerSource: number) {
    this.#sources = looks.map((look) => ({ look, waiting: [], cursor: undefined, looks: 0 }));
    this.#looksPerSource = looksPerSource;
  }

  /** Nothing is left of any list. */
  get atEnd(): boolean {
    return this.#sources.every((source) => headOf(source) === undefined);
  }

  /** The first look at all of them, at once. */
  async begin(limit: number): Promise<void> {
    await Promise.all(this.#sources.map((source) => this.#look(source, limit)));
  }

  /** The next one; or how far they were looked through, when that takes too many looks; `undefined` at the end. */
  async next(limit: number): Promise<{ readonly transaction: TransactionSummary } | { readonly lookedUpTo: string } | undefined> {
    for (;;) {
      const source = this.#foremost();
      if (source === undefined) return undefined;
      const [transaction, ...others] = source.waiting;
      if (transaction !== undefined) {
        source.waiting = others;
        return { transaction };
      }
      if (source.looks >= this.#looksPerSource) return { lookedUpTo: source.cursor! };
      await this.#look(source, limit);
    }
  }

  /** The source of what comes next; one that must be asked first comes before another at the same place. */
  #foremost(): Source | undefined {
    let foremost: { readonly source: Source; readonly head: Place } | undefined;
    for (const source of this.#sources) {
      const head = headOf(source);
      if (head !== undefined && (foremost === undefined || compare(head, foremost.head) < 0)) foremost = { source, head };
    }
    return foremost?.source;
  }

  async #look(source: Source, limit: number): Promise<void> {
    source.looks++;
    const { transactions, nextCursor } = await source.look(source.cursor, limit);
    source.waiting = transactions;
    source.cursor = nextCursor;
  }
}
