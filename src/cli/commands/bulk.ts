import { Argument, type Command } from 'commander';
import { AmendsError } from '../../errors.ts';
import { operator } from '../../producers/operator.ts';
import { BULK_ACTS, type BulkAct } from '../../operations/possible-acts.ts';
import { printable } from '../../operations/printable.ts';
import type { BulkRow } from '../../operations/bulk-log.ts';
import { LOOK, using } from '../connection.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { addBulks } from './bulks.ts';
import { addFilterOptions, filterOf, type FilterOptions } from '../filter-options.ts';
import { wholeNumber, type GlobalOptions } from '../options.ts';
import { print, tell } from '../output.ts';
import { interruptible } from '../signals.ts';

interface BulkOptions extends FilterOptions {
  readonly reason?: string;
  readonly rate: number;
  readonly dryRun?: true;
  readonly json?: true;
}

async function report(row: BulkRow, json: boolean): Promise<ExitCode> {
  if (json) await print(JSON.stringify(row));
  else {
    for (const { id, message } of row.failures) await tell(`${printable(id)}: ${printable(message)}`);
    const unchanged = row.unchanged === 0 ? '' : `, ${row.unchanged} were so before`;
    const gone = row.skipped === 0 ? '' : `, ${row.skipped} had gone on meanwhile`;
    const rest = row.remaining === 0 ? '' : `, ${row.remaining} not begun`;
    await print(`${row.done} of ${row.total} done${unchanged}${gone}, ${row.failed} failed${rest}.`);
  }
  return row.state === 'done' && row.failed === 0 ? EXIT.ok : EXIT.failed;
}

/** As the commands for one transaction are called. */
const NAMES: Readonly<Record<string, BulkAct>> = Object.fromEntries(BULK_ACTS.map((act) => [act.replace('_', '-'), act]));

async function bulk(name: string, _options: unknown, command: Command): Promise<void> {
  const action = NAMES[name]!;
  const { reason, rate, dryRun, json, ...rest } = command.optsWithGlobals<BulkOptions & GlobalOptions>();
  const filter = filterOf(rest);
  if (Object.keys(filter).length === 0) {
    throw new AmendsError('INVALID_OPTION', 'say which ones: --saga, --status, --tag, --id-prefix, --error, --step, --from or --to');
  }
  if (dryRun !== true && reason === undefined) throw new AmendsError('INVALID_OPTION', 'say why: --reason; or only count with --dry-run');
  const [{ engineOf }, { BulkActs, countBulk }] = await Promise.all([import('../../amends.ts'), import('../../operations/bulk.ts')]);
  process.exitCode = await interruptible('what is in work ends, the rest is not begun', (signal) =>
    using(rest, LOOK, async (amends) => {
      const engine = engineOf(amends);
      if (dryRun === true) {
        const found = await countBulk(engine, filter, action);
        if (json === true) await print(JSON.stringify(found));
        else {
          const statuses = Object.entries(found.byStatus).map(([status, count]) => `${count} ${status}`);
          await print(
            `${found.count}${found.truncated ? ' and more' : ''} would be asked to ${name}${statuses.length === 0 ? '' : `: ${statuses.join(', ')}`}.`,
          );
          for (const { id } of found.sample) await print(`  ${printable(id)}`);
          if (found.count > found.sample.length) await print('  …');
        }
        return EXIT.ok;
      }
      const acts = new BulkActs(engine);
      const { id } = await acts.start({ filter, action, reason: reason!, by: operator(), ratePerSecond: rate });
      const stop = (): void => void acts.stop(id, { by: operator(), reason: null });
      signal.addEventListener('abort', stop, { once: true });
      await acts.ended(id);
      const code = await report((await acts.find(id))!, json === true);
      return signal.aborted ? EXIT.interrupted : code;
    }),
  );
}

export function addBulk(program: Command): void {
  const command = program
    .command('bulk')
    .addArgument(new Argument('<action>', 'what to do to each').choices(Object.keys(NAMES)))
    .summary('retry, give up, mark undone, cancel, terminate, pause or resume all that a filter finds')
    .description(
      'Does something to all sagas that a filter finds, 10000 at most, at a bounded rate. Each one is done or not, never by half; one that does not fit the filter any more when its turn comes is left alone; stopped in the middle, the rest was not begun. With --step, retry, skip and mark-undone are done to that step only, else to all that is stuck. The console shows how far it is.',
    );
  addBulks(command);
  addFilterOptions(command)
    .option('--reason <text>', 'why; it becomes part of each history')
    .option('--rate <n>', 'how many a second', wholeNumber(1, 1_000), 10)
    .option('--dry-run', 'only count them')
    .option('--json', 'one JSON object: what was counted, or how it ended')
    .addHelpText(
      'after',
      '\nExample:\n  amends bulk retry --status stuck --saga order --error "stock service" --dry-run\n\nExits with 1 when one of them could not be done.',
    )
    .action(bulk);
}
