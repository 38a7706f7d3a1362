import type { Command } from 'commander';
import { duration, timestamp } from '../../operations/duration.ts';
import { printable } from '../../operations/printable.ts';
import { LOOK, using } from '../connection.ts';
import { lengthOfTime } from '../filter-options.ts';
import type { GlobalOptions } from '../options.ts';
import { print } from '../output.ts';
import { paintFor } from '../paint.ts';
import { plainTable } from '../plain-table.ts';

interface StatsOptions {
  readonly saga?: string;
  readonly window: number;
  readonly json?: true;
}

function length(ms: number | null): string {
  return ms === null ? '-' : duration(ms);
}

async function stats(_options: unknown, command: Command): Promise<void> {
  const { saga, window, json, ...globals } = command.optsWithGlobals<StatsOptions & GlobalOptions>();
  const [{ engineOf }, { statisticsOf }] = await Promise.all([import('../../amends.ts'), import('../../operations/statistics.ts')]);
  await using(globals, LOOK, async (amends) => {
    const found = await statisticsOf(engineOf(amends), { saga, windowMs: window });
    if (json === true) return print(JSON.stringify(found));
    if (found.count === 0) return print(`Nothing has started since ${timestamp(found.fromMs)}.`);
    const rows = found.sagas.map(({ saga: name, started, startedPerSecond, p50Ms, p95Ms, undoRate, stuck, terminated }) => [
      printable(name),
      String(started),
      `${startedPerSecond.toFixed(2)}/s`,
      length(p50Ms),
      length(p95Ms),
      undoRate === null ? '-' : `${(undoRate * 100).toFixed(1)} %`,
      String(stuck),
      String(terminated),
    ]);
    const head = ['saga', 'started', 'rate', 'p50', 'p95', 'undone', 'stuck', 'terminated'];
    await print(plainTable(head, rows, paintFor(process.stdout)));
    const less = found.coveredFromMs > found.fromMs ? ' (the newest 4000: there were more in the window)' : '';
    await print(`\nOf what started since ${timestamp(found.coveredFromMs)}${less}.`);
  });
}

export function addStats(program: Command): void {
  program
    .command('stats')
    .summary('show rates, durations and how often sagas are undone')
    .description('Shows, of the sagas that started in a window, how many there were, how long they took and how many were undone.')
    .option('--saga <name>', 'only of this saga')
    .option('--window <time>', 'how far back: 90s, 15min, 2h or 7d', lengthOfTime, 3_600_000)
    .option('--json', 'one JSON object')
    .addHelpText('after', '\nExample:\n  amends stats --window 24h')
    .action(stats);
}
