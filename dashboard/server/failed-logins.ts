import { LRUCache } from 'lru-cache';

const WINDOW_MS = 60_000;
const MOST_FAILURES = 20;

/** Counts wrong credentials by address, so that guessing takes for ever. */
export class FailedLogins {
  readonly #failures = new LRUCache<string, number>({ max: 10_000, ttl: WINDOW_MS, noUpdateTTL: true });

  /** Seconds until this address may try again; 0: it may. */
  waitSeconds(address: string): number {
    if ((this.#failures.get(address) ?? 0) < MOST_FAILURES) return 0;
    return Math.ceil(this.#failures.getRemainingTTL(address) / 1000);
  }

  failed(address: string): void {
    this.#failures.set(address, (this.#failures.get(address) ?? 0) + 1);
  }

  succeeded(address: string): void {
    this.#failures.delete(address);
  }
}
