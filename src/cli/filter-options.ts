import { InvalidArgumentError, Option, type Command } from 'commander';
import type { Status } from '../machine/state.ts';
import type { TransactionFilter } from '../operations/filter.ts';
import { printable } from '../operations/printable.ts';
import { statusList, tag } from './options.ts';

/** The options that say which transactions. */
export interface FilterOptions {
  readonly saga?: string;
  readonly kind?: 'saga' | 'tcc';
  readonly status?: readonly Status[];
  readonly tag?: Readonly<Record<string, string>>;
  readonly id?: string;
  readonly idPrefix?: string;
  readonly error?: string;
  readonly step?: string;
  readonly errorGroup?: string;
  readonly from?: number;
  readonly to?: number;
}

const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, min: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90s`, `15min`, `2h`, `7d`. */
export function lengthOfTime(text: string): number {
  const [, count, unit] = /^(\d{1,6})(s|min|h|d)$/.exec(text) ?? [];
  if (count === undefined || unit === undefined) throw new InvalidArgumentError('Give it as 90s, 15min, 2h or 7d.');
  return Number(count) * UNITS_MS[unit]!;
}

/** `2026-01-31`, `2026-01-31T12:00:00Z`, or how long ago: `2h`. */
function moment(text: string): number {
  if (/^\d{1,6}(s|min|h|d)$/.test(text)) return Date.now() - lengthOfTime(text);
  const ms = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isFinite(ms) && ms >= 0) return ms;
  throw new InvalidArgumentError(`"${printable(text)}" is no time: give 2026-01-31, 2026-01-31T12:00:00Z, or how long ago: 2h.`);
}

/** Adds the options to a command. */
export function addFilterOptions(command: Command): Command {
  return command
    .option('--saga <name>', 'only of this saga')
    .addOption(new Option('--kind <kind>', 'only sagas, or only TCCs').choices(['saga', 'tcc']))
    .option('--status <list>', 'only with one of these statuses, such as stuck,compensating', statusList)
    .option('--tag <name=value>', 'only with this tag; give it again for further ones', tag)
    .option('--id <id>', 'only this one')
    .option('--id-prefix <text>', 'only those whose id begins so')
    .option('--error <text>', 'only with this text in the error')
    .option('--step <name>', 'only stuck on this step')
    .option('--error-group <text>', 'only stuck on errors of this group, as amends inbox --json tells it')
    .option('--from <time>', 'only what started then or later: a date, or how long ago, such as 2h', moment)
    .option('--to <time>', 'only what started before then', moment);
}

/** What the options say. */
export function filterOf({
  saga,
  kind,
  status,
  tag: tags,
  id,
  idPrefix,
  error,
  step,
  errorGroup,
  from,
  to,
}: FilterOptions): TransactionFilter {
  const given = { saga, kind, status, tag: tags, id, idPrefix, error, step, errorGroup, fromMs: from, toMs: to };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
