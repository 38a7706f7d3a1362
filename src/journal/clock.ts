import type { Journal } from './journal.ts';

/** Longest round trip whose answer still says something about the difference of two clocks, in milliseconds. */
const TRUSTED_ROUND_TRIP_MS = 250;

/** The store's time, told from this process's clock and the difference last seen: a process with a wrong clock must not decide by it. */
export class StoreClock {
  #offsetMs = 0;

  nowMs(): number {
    return Math.round(Date.now() + this.#offsetMs);
  }

  /** Takes in that the store said `atMs` somewhere between `sentAtMs` and now (by this process's clock). */
  observe(atMs: number, sentAtMs: number): void {
    const receivedAtMs = Date.now();
    if (receivedAtMs - sentAtMs > TRUSTED_ROUND_TRIP_MS) return;
    this.#offsetMs = atMs - (sentAtMs + receivedAtMs) / 2;
  }

  async synchronise(journal: Pick<Journal, 'timeMs'>): Promise<void> {
    const sentAtMs = Date.now();
    this.observe(await journal.timeMs(), sentAtMs);
  }
}
