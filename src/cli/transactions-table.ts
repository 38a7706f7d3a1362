import Table from 'cli-table3';
import type { TransactionSummary } from '../journal/journal.ts';
import { duration, timestamp } from '../operations/duration.ts';
import { statusLabel, unpainted, type Paint } from './paint.ts';
import { excerpt, printable } from '../operations/printable.ts';

export interface TableInput {
  readonly transactions: readonly TransactionSummary[];
  /** Now, by the store's clock. */
  readonly nowMs: number;
  readonly paint?: Paint;
  /** Longest error, in characters. Default 60. */
  readonly errorLength?: number;
}

const HEAD = ['id', 'saga', 'status', 'started', 'duration', 'error'];

/** Spaces between columns and no lines: it can be read, copied and piped. */
const NO_LINES = [
  'top',
  'top-mid',
  'top-left',
  'top-right',
  'bottom',
  'bottom-mid',
  'bottom-left',
  'bottom-right',
  'left',
  'left-mid',
  'mid',
  'mid-mid',
  'right',
  'right-mid',
];
const CHARS = { ...Object.fromEntries(NO_LINES.map((name) => [name, ''])), middle: '  ' };

/** A list of transactions as a table. Pure; whatever came from outside is escaped. */
export function renderTransactions({ transactions, nowMs, paint = unpainted, errorLength = 60 }: TableInput): string {
  const table = new Table({
    head: HEAD.map((name) => paint('quiet', name)),
    chars: CHARS,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
  for (const { id, saga, definitionVersion, status, startedAtMs, endedAtMs, error } of transactions) {
    table.push([
      printable(id),
      `${printable(saga)} v${definitionVersion}`,
      statusLabel(status, paint),
      timestamp(startedAtMs),
      endedAtMs === undefined ? `${duration(nowMs - startedAtMs)} so far` : duration(endedAtMs - startedAtMs),
      error === undefined ? '' : excerpt(error, errorLength),
    ]);
  }
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}
