import type { TransactionSummary } from '../journal/journal.ts';
import { duration, timestamp } from '../operations/duration.ts';
import { excerpt, printable } from '../operations/printable.ts';
import { statusLabel, unpainted, type Paint } from './paint.ts';
import { plainTable } from './plain-table.ts';

export interface TableInput {
  readonly transactions: readonly TransactionSummary[];
  /** Now, by the store's clock. */
  readonly nowMs: number;
  readonly paint?: Paint;
  /** Longest error, in characters. Default 60. */
  readonly errorLength?: number;
}

const HEAD = ['id', 'saga', 'status', 'started', 'duration', 'error'];

/** A list of transactions as a table. Pure; whatever came from outside is escaped. */
export function renderTransactions({ transactions, nowMs, paint = unpainted, errorLength = 60 }: TableInput): string {
  const rows = transactions.map(({ id, saga, definitionVersion, status, startedAtMs, endedAtMs, error }) => [
    printable(id),
    `${printable(saga)} v${definitionVersion}`,
    statusLabel(status, paint),
    timestamp(startedAtMs),
    endedAtMs === undefined ? `${duration(nowMs - startedAtMs)} so far` : duration(endedAtMs - startedAtMs),
    error === undefined ? '' : excerpt(error, errorLength),
  ]);
  return plainTable(HEAD, rows, paint);
}
