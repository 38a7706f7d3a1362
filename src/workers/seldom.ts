const REMEMBERED = 1_000;

/** Keeps what is said again and again from being said each time. */
export class Seldom {
  readonly #everyMs: number;
  readonly #lastMs = new Map<string, number>();

  constructor(everyMs: number) {
    this.#everyMs = everyMs;
  }

  isNews(what: string): boolean {
    const now = performance.now();
    const before = this.#lastMs.get(what);
    if (before !== undefined && now - before < this.#everyMs) return false;
    if (this.#lastMs.size >= REMEMBERED) this.#lastMs.clear();
    this.#lastMs.set(what, now);
    return true;
  }
}
