import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Attempt, Attempts } from '../../api/attempt.ts';
import type { Transaction } from '../../api/transaction.ts';
import { ask } from '../browser/api.ts';

export interface KnownAttempts {
  /** Oldest first. */
  readonly attempts: readonly Attempt[];
  /** So many came before these, or are still asked for. */
  readonly omitted: number;
}

/** More are not drawn: the history has them. */
const MOST = 4_000;
const PAGE = 2_000;
const NONE: readonly Attempt[] = [];

/** Attempts that have ended, without a gap. They keep their place: those under way stand last in every answer. */
interface Ended {
  readonly from: number;
  readonly attempts: readonly Attempt[];
}

const NOTHING: Ended = { from: 0, attempts: NONE };

function endOf({ from, attempts }: Ended): number {
  return from + attempts.length;
}

/** With what an answer tells besides. One that begins behind a gap tells nothing yet. */
function extended(known: Ended, from: number, attempts: readonly Attempt[]): Ended {
  const ended = attempts.filter(({ outcome }) => outcome !== 'open');
  if (from > endOf(known) || from + ended.length <= endOf(known)) return known;
  return { from: known.from, attempts: [...known.attempts, ...ended.slice(endOf(known) - from)] };
}

/** All attempts of a transaction: its answer has the last ones; those before were in an earlier answer, or are asked for once. */
export function useAttempts(transaction: Transaction | undefined): KnownAttempts {
  const { id, attempts = NONE, attemptsOmitted = 0 } = transaction ?? {};
  const ended = useRef<Ended | undefined>(undefined);
  const [, drawAgain] = useState(0);
  if (id !== undefined) {
    ended.current ??= { from: Math.max(0, attemptsOmitted - MOST), attempts: [] };
    ended.current = extended(ended.current, attemptsOmitted, attempts);
  }
  const known = ended.current ?? NOTHING;
  const end = endOf(known);
  const missing = Math.max(0, attemptsOmitted - end);
  const isBehind = missing > 0;
  const latest = useRef(missing);
  latest.current = missing;
  useEffect(() => {
    if (id === undefined || !isBehind) return undefined;
    const controller = new AbortController();
    const query = `from=${end}&limit=${Math.min(PAGE, latest.current)}`;
    // Should it fail, what is known is drawn, and the page says how many are missing.
    ask<Attempts>(`transactions/${encodeURIComponent(id)}/attempts?${query}`, { signal: controller.signal }).then(
      (page) => {
        if (ended.current !== undefined) ended.current = extended(ended.current, page.from, page.attempts);
        drawAgain((count) => count + 1);
      },
      () => undefined,
    );
    return () => controller.abort();
  }, [id, end, isBehind]);
  return useMemo(() => {
    // Those that the answer has too are drawn as it has them.
    const before = known.attempts.slice(0, Math.max(0, attemptsOmitted - known.from));
    return { attempts: [...before, ...attempts], omitted: known.from + missing };
  }, [known, attempts, attemptsOmitted, missing]);
}
