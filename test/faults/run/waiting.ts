import { setTimeout as delay } from 'node:timers/promises';

/** Waits until `condition` holds. `false`: it did not within `timeoutMs`, or the run is being stopped. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  { timeoutMs, everyMs = 50, stopping }: { readonly timeoutMs: number; readonly everyMs?: number; readonly stopping?: AbortSignal },
): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    if (stopping?.aborted === true) return false;
    if (await condition()) return true;
    if (performance.now() >= deadline) return false;
    await delay(everyMs);
  }
}
