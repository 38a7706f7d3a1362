import Table from 'cli-table3';
import { unpainted, type Paint } from './paint.ts';

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

/** A table of texts that are fit for a terminal. */
export function plainTable(head: readonly string[], rows: readonly (readonly string[])[], paint: Paint = unpainted): string {
  const table = new Table({
    head: head.map((name) => paint('quiet', name)),
    chars: CHARS,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
  table.push(...rows.map((row) => [...row]));
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}
