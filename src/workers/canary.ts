import type { Engine } from '../producers/engine.ts';

/** What is lost with a server that writes its log to the disk once a second is hardly ever less. */
const EVERY_MS = 500;

/**
 * Counts in a store that may lose writes, and notices when it has. Every worker does, each a number of its own, so that one that lives on tells,
 * whichever the loss has taken with it.
 */
export class Canary {
  readonly #engine: Engine;
  readonly #onLoss: () => void;
  #timer: NodeJS.Timeout | undefined;
  #isLooking = false;
  #stopped = false;

  constructor(engine: Engine, onLoss: () => void) {
    this.#engine = engine;
    this.#onLoss = onLoss;
  }

  start(): void {
    if (this.#engine.canary === undefined) return;
    void this.look();
    this.#timer = setInterval(() => void this.look(), EVERY_MS).unref();
  }

  /** A look that is under way may go on, unheard: the store may be away. */
  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
  }

  /** One at a time. Does not fail: that the store is away others tell. */
  async look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    const { canary, log, telemetry } = this.#engine;
    const lost = await canary?.().finally(() => (this.#isLooking = false));
    if (lost === undefined || this.#stopped) return;
    log.error(lost, 'Redis has lost writes: looking at every transaction for jobs that are gone');
    for (const instruments of telemetry.metrics.instruments) instruments.count('storeLosses', {});
    this.#onLoss();
  }
}
