/** A call that takes longer does not keep what came meanwhile waiting: its connection may be half open. */
const PATIENCE_MS = 50;

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

export interface GatheringOptions<Item, Result> {
  /** Does it for all of them, all or none; a result for each. */
  readonly send: (items: readonly Item[]) => Promise<readonly Result[]>;
  /** Most items of one call. */
  readonly most: number;
  /** Whether the failure of a call of several is only that of one of them: then each is tried by itself. */
  readonly isDefinite: (error: unknown) => boolean;
}

/** Gathers what comes while a call is under way into the next one: alone nothing waits, under load many share a round trip and a commit. */
export class Gathering<Item, Result> {
  readonly #options: GatheringOptions<Item, Result>;
  #waiting: Waiting<Item, Result>[] = [];
  #underWay: symbol | undefined;

  constructor(options: GatheringOptions<Item, Result>) {
    this.#options = options;
  }

  add(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      // What else this turn of the event loop brings goes along.
      if (this.#waiting.length === 1 && this.#underWay === undefined) process.nextTick(() => this.#next());
    });
  }

  #next(): void {
    if (this.#underWay !== undefined || this.#waiting.length === 0) return;
    const sent = this.#waiting.splice(0, this.#options.most);
    const call = Symbol('call');
    this.#underWay = call;
    const goOn = (): void => {
      if (this.#underWay !== call) return;
      this.#underWay = undefined;
      this.#next();
    };
    const late = setTimeout(goOn, PATIENCE_MS);
    void this.#settle(sent).finally(() => {
      clearTimeout(late);
      goOn();
    });
  }

  async #settle(sent: readonly Waiting<Item, Result>[]): Promise<void> {
    const { send, isDefinite } = this.#options;
    try {
      const results = await send(sent.map(({ item }) => item));
      for (const [place, { resolve }] of sent.entries()) resolve(results[place]!);
    } catch (error) {
      if (sent.length > 1 && isDefinite(error)) await Promise.all(sent.map((one) => this.#settle([one])));
      else for (const { reject } of sent) reject(error);
    }
  }
}
