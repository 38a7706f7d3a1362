import { useEffect, useRef } from 'preact/hooks';
import type { Bulk, Bulks } from '../../api/bulk.ts';
import { useLoaded } from '../browser/api.ts';
import { storeTime } from '../browser/clock.ts';

const EVERY_MS = 700;
/** What has ended is shown for so long. */
const REMEMBERED_MS = 120_000;

/** The bulk acts that run, and those that ended just now; a page that is loaded again finds them. */
export function useBulks(): { readonly bulks: readonly Bulk[]; readonly refresh: () => void } {
  const { data, reload } = useLoaded<Bulks>('bulk?limit=5');
  const opened = useRef(storeTime());
  const running = data?.bulks.some(({ state }) => state === 'running') ?? false;
  useEffect(() => {
    if (!running) return undefined;
    const timer = setInterval(reload, EVERY_MS);
    return () => clearInterval(timer);
  }, [running, reload]);
  const bulks = (data?.bulks ?? []).filter(
    ({ state, endedAtMs }) =>
      state === 'running' || (endedAtMs !== null && endedAtMs > Math.min(opened.current, storeTime() - REMEMBERED_MS)),
  );
  return { bulks, refresh: reload };
}
