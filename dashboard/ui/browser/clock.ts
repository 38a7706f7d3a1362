import { useEffect, useState } from 'preact/hooks';

/** How far the store's clock is ahead of this browser's. All times that the API gives are the store's. */
let aheadMs = 0;

/** Below this it is the way of the answer, not the clock. */
const SMALLEST_SKEW_MS = 1_500;

export function setStoreTime(nowMs: number): void {
  const difference = nowMs - Date.now();
  aheadMs = Math.abs(difference) < SMALLEST_SKEW_MS ? 0 : difference;
}

/** The store's time, milliseconds since the epoch. */
export function storeTime(): number {
  return Date.now() + aheadMs;
}

/** The same, taken again every `everyMs` while the page is seen. `null`: it stands. */
export function useNow(everyMs: number | null): number {
  const [now, setNow] = useState(storeTime);
  useEffect(() => {
    if (everyMs === null) return undefined;
    const tick = (): void => {
      if (!document.hidden) setNow(storeTime());
    };
    const timer = setInterval(tick, everyMs);
    document.addEventListener('visibilitychange', tick);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', tick);
    };
  }, [everyMs]);
  return now;
}
