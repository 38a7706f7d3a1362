import type { Engine } from '../producers/engine.ts';

const PURGE_EVERY_MS = 60_000;
const PURGE_BATCH = 500;

/** Removes ended transactions from the journal when their time is up. Every worker does; two at once do no harm. Gives a function that stops it. */
export function startRetention(
  engine: Engine,
  retentionMs: number,
  onError: (error: unknown) => void,
  everyMs: number = PURGE_EVERY_MS,
): () => Promise<void> {
  const stop = new AbortController();
  let purging: Promise<void> = Promise.resolve();
  const purge = async (): Promise<void> => {
    try {
      const endedBeforeMs = engine.clock.nowMs() - retentionMs;
      while (!stop.signal.aborted && (await engine.journal.purge({ endedBeforeMs, limit: PURGE_BATCH })) === PURGE_BATCH);
    } catch (error) {
      onError(error); // the next turn tries again
    }
  };
  const timer = setInterval(() => {
    purging = purging.then(purge);
  }, everyMs).unref();
  return async () => {
    stop.abort();
    clearInterval(timer);
    await purging;
  };
}
