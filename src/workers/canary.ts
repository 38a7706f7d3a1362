import type { Engine } from '../producers/engine.ts';

const EVERY_MS = 5_000;

/**
 * Counts up in a store that may lose writes, and notices when it has: what was counted is lower than what this process has seen. Every worker
 * does, so that one that lives on tells, whichever the loss has taken with it.
 */
export class Canary {
  readonly #engine: Engine;
  readonly #onLoss: () => void;
  #seen: readonly number[] = [];
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(engine: Engine, onLoss: () => void) {
    this.#engine = engine;
    this.#onLoss = onLoss;
  }

  start(): void {
    if (this.#engine.canary === undefined) return;
    this.#looking = this.look();
    this.#timer = setInterval(() => {
      this.#looking = this.#looking.then(() => this.look());
    }, EVERY_MS).unref();
  }

  /** A look that is under way may go on, unheard: the store may be away. */
  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
  }

  async look(): Promise<void> {
    const { canary, log, telemetry } = this.#engine;
    let now: readonly number[] | undefined;
    try {
      now = await canary?.();
    } catch {
      return; // the store is away, which others tell; the next look asks again
    }
    if (now === undefined || this.#stopped) return;
    const lost = this.#seen.findIndex((before, place) => (now[place] ?? 0) <= before);
    const before = this.#seen;
    this.#seen = now;
    if (lost < 0) return;
    log.error({ counted: now[lost], before: before[lost] }, 'Redis has lost writes: looking at every transaction for jobs that are gone');
    for (const instruments of telemetry.metrics.instruments) instruments.count('storeLosses', {});
    this.#onLoss();
  }
}
