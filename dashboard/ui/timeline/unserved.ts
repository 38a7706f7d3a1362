import { createContext } from 'preact';
import { useContext, useEffect, useMemo } from 'preact/hooks';
import type { Services } from '../../api/services.ts';
import type { Transaction } from '../../api/transaction.ts';
import { useLoaded } from '../browser/api.ts';
import { useNow } from '../browser/clock.ts';
import type { Unserved } from './outcomes.ts';

/** A worker takes a job sooner than this: until then nobody is asked whether there is one. */
const SOON_MS = 1_500;
const EVERY_MS = 3_000;
const NONE: Unserved = new Set();

/** The steps of the transaction on the page that nobody serves. */
export const UnservedContext = createContext<Unserved>(NONE);

export function useUnserved(): Unserved {
  return useContext(UnservedContext);
}

/** Asks who serves the steps whose attempts no worker seems to take. */
export function useUnservedOf(transaction: Transaction | undefined): Unserved {
  const { saga, endedAtMs = null, attempts = [] } = transaction ?? {};
  const waiting = endedAtMs === null ? attempts.filter(({ outcome, startedAtMs }) => outcome === 'open' && startedAtMs === null) : [];
  const now = useNow(waiting.length > 0 ? SOON_MS : null);
  const isLate = waiting.some(({ queuedAtMs }) => now - queuedAtMs > SOON_MS);
  const { data, reload } = useLoaded<Services>(isLate ? 'services' : undefined);
  useEffect(() => {
    if (!isLate) return undefined;
    const timer = setInterval(() => {
      if (!document.hidden) reload();
    }, EVERY_MS);
    return () => clearInterval(timer);
  }, [isLate, reload]);
  return useMemo(() => {
    if (!isLate || data === undefined) return NONE;
    return new Set(data.unserved.filter((one) => one.saga === saga).map(({ step }) => step));
  }, [isLate, data, saga]);
}
