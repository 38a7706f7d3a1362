import type { Attempt } from '../../api/attempt.ts';
import type { Transaction } from '../../api/transaction.ts';

export interface KnownAttempts {
  /** Oldest first. */
  readonly attempts: readonly Attempt[];
  /** So many came before these. */
  readonly omitted: number;
}

export function useAttempts({ attempts, attemptsOmitted }: Transaction): KnownAttempts {
  return { attempts, omitted: attemptsOmitted };
}
