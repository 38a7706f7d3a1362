import type { Journal } from './journal.ts';

/** Longest round trip whose middle is taken for the moment of the answer, in milliseconds. */
const TRUSTED_ROUND_TRIP_MS = 250;

/** Clocks that are this close are taken to be the same: a difference that is measured has an error of its own. */
const NEGLIGIBLE_MS = 500;

/** The store's time, told from this process's clock and the difference last seen: a process with a wrong clock must not decide by it. */
export class StoreClock {
  #offsetMs = 0;

  /** Whether the store's clock and this process's show different times, not merely by the error of the measurement. */
  get isAway(): boolean {
    return Math.abs(this.#offsetMs) >= NEGLIGIBLE_MS;
  }

  nowMs(): number {
    return Math.round(Date.now() + this.#offsetMs);
  }

  /** Takes in that the store said `atMs` somewhere between `sentAtMs` and now (by this process's clock). */
  observe(atMs: number, sentAtMs: number): void {
    const least = atMs - Date.now();
    const most = atMs - sentAtMs;
    if (most < least) return; // the clock was set back in between
    // A slow answer still bounds the difference: hours are noticed also by a process that is too busy for a quick one.
    this.#offsetMs = most - least <= TRUSTED_ROUND_TRIP_MS ? (least + most) / 2 : Math.min(Math.max(this.#offsetMs, least), most);
  }

  async synchronise(journal: Pick<Journal, 'timeMs'>): Promise<void> {
    const sentAtMs = Date.now();
    this.observe(await journal.timeMs(), sentAtMs);
  }
}
