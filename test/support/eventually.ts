import { setTimeout as delay } from 'node:timers/promises';

export interface Patience {
  /** Default 10 s. */
  readonly timeoutMs?: number;
  /** Pause between two tries. Default 20 ms. */
  readonly everyMs?: number;
}

/** Tries until `attempt` no longer throws, and gives its result. When the time is up it fails with the last error. */
export async function eventually<T>(attempt: () => T | Promise<T>, { timeoutMs = 10_000, everyMs = 20 }: Patience = {}): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() >= deadline) throw error;
      await delay(everyMs);
    }
  }
}
