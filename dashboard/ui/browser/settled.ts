import { useCallback, useEffect, useRef } from 'preact/hooks';

/** Calls `act` soon after being asked to, and once for all who ask meanwhile: never more often than every `everyMs`. */
export function useSettled(act: () => void, everyMs: number): () => void {
  const latest = useRef(act);
  latest.current = act;
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const last = useRef(0);
  useEffect(() => () => clearTimeout(timer.current), []);
  return useCallback(() => {
    if (timer.current !== undefined) return;
    const wait = Math.max(40, last.current + everyMs - Date.now());
    timer.current = setTimeout(() => {
      timer.current = undefined;
      last.current = Date.now();
      latest.current();
    }, wait);
  }, [everyMs]);
}
