import { useEffect, useState } from 'preact/hooks';
import type { Attempt, Attempts } from '../../api/attempt.ts';
import type { Transaction } from '../../api/transaction.ts';
import { ask } from '../browser/api.ts';

export interface KnownAttempts {
  /** Oldest first. */
  readonly attempts: readonly Attempt[];
  /** So many came before these. */
  readonly omitted: number;
}

/** More are not drawn: the history has them. */
const MOST = 4_000;
const PAGE = 2_000;

interface Older {
  readonly from: number;
  readonly attempts: readonly Attempt[];
}

/** All attempts of a transaction: its answer has the last ones, those before are asked for once, as they change no more. */
export function useAttempts(transaction: Transaction | undefined): KnownAttempts {
  const { id, attempts = [], attemptsOmitted = 0 } = transaction ?? {};
  const [older, setOlder] = useState<Older>();
  const from = older?.from ?? Math.max(0, attemptsOmitted - MOST);
  const known = from + (older?.attempts.length ?? 0);
  useEffect(() => {
    if (id === undefined || known >= attemptsOmitted) return undefined;
    const controller = new AbortController();
    const limit = Math.min(PAGE, attemptsOmitted - known);
    // Should it fail, the last ones are drawn, and the page says how many are missing.
    ask<Attempts>(`transactions/${encodeURIComponent(id)}/attempts?from=${known}&limit=${limit}`, { signal: controller.signal }).then(
      (page) => setOlder((old) => ({ from, attempts: [...(old?.attempts ?? []).slice(0, page.from - from), ...page.attempts] })),
      () => undefined,
    );
    return () => controller.abort();
  }, [id, from, known, attemptsOmitted]);
  if (older === undefined || known < attemptsOmitted) return { attempts, omitted: attemptsOmitted };
  return { attempts: [...older.attempts.slice(0, attemptsOmitted - from), ...attempts], omitted: from };
}
